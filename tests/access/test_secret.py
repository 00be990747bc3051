"""How the secret comes to be."""

from __future__ import annotations

import threading
from pathlib import Path

from vitalcast.access.secret import SECRET_BYTES, make_secret


def test_a_secret_is_made_once_however_many_begin_together(tmp_path: Path) -> None:
    path = tmp_path / "data" / "secret"
    begin = threading.Barrier(8)
    made: list[bytes] = []

    def make() -> None:
        begin.wait()
        made.append(make_secret(path))

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 8
    assert len(set(made)) == 1
    assert len(made[0]) == SECRET_BYTES
    assert [found.name for found in path.parent.iterdir()] == ["secret"]
    assert path.stat().st_mode & 0o777 == 0o600

"""Where the secret lies, and how it comes to be."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from vitalcast.access.folder import default_data_dir
from vitalcast.access.secret import SECRET_BYTES, make_secret
from vitalcast.errors import ConfigError


@pytest.mark.parametrize(
    ("platform", "environ", "expected"),
    [
        ("linux", {"HOME": "/home/a"}, "/home/a/.local/share/vitalcast"),
        ("linux", {"HOME": "/home/a", "XDG_DATA_HOME": "/xdg"}, "/xdg/vitalcast"),
        ("linux", {"HOME": "/home/a", "XDG_DATA_HOME": "relative"}, "/home/a/.local/share/vitalcast"),
        ("darwin", {"HOME": "/Users/a"}, "/Users/a/Library/Application Support/vitalcast"),
        ("win32", {"HOME": "/u", "LOCALAPPDATA": "/u/Local"}, "/u/Local/vitalcast"),
        ("win32", {"HOME": "/u", "XDG_DATA_HOME": "/xdg"}, "/u/AppData/Local/vitalcast"),
    ],
)
def test_the_folder_is_where_the_platform_has_it(platform: str, environ: dict[str, str], expected: str) -> None:
    assert default_data_dir(environ, platform) == Path(expected)


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


@pytest.mark.parametrize("name", ["XDG_DATA_HOME", "HOME"])
def test_a_folder_of_the_user_with_a_control_character_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="holds a control character") as caught:
        default_data_dir({name: "/data\r"}, "linux")
    assert caught.value.key == name

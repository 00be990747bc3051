from __future__ import annotations

import math
from pathlib import Path

import pytest
from tests.collectors.support import by_key, write_proc

from vitalcast.collectors.load import LoadCollector, parse_loadavg


def test_loadavg_starts_with_the_three_averages() -> None:
    assert parse_loadavg(b"0.11 0.07 12.06 1/123 5475\n") == (0.11, 0.07, 12.06)


@pytest.mark.parametrize("text", [b"", b"0.1 0.2", b"nan inf -1", b"x y z"])
def test_what_is_no_load_is_no_reading(text: bytes) -> None:
    assert all(map(math.isnan, parse_loadavg(text)))


def test_each_window_is_a_series(tmp_path: Path) -> None:
    collector = LoadCollector(roots=write_proc(tmp_path, {"loadavg": "0.11 0.07 12.06 1/123 5475\n"}))
    assert by_key(collector.collect(1.0)) == {
        'system.load.average{system.load.window="1m"}': 0.11,
        'system.load.average{system.load.window="5m"}': 0.07,
        'system.load.average{system.load.window="15m"}': 12.06,
    }

from __future__ import annotations

import time
from pathlib import Path

import psutil
import pytest
from tests.collectors.support import by_key, write_proc

from vitalcast.collectors.host import HostCollector


def test_uptime_is_the_first_number(tmp_path: Path) -> None:
    collector = HostCollector(proc=write_proc(tmp_path, {"uptime": "2009.57 3900.11\n"}))
    assert by_key(collector.collect(1.0)) == {"system.uptime": 2009.57}


def test_both_sources_agree(tmp_path: Path) -> None:
    (from_proc,) = HostCollector().collect(1.0)
    (from_psutil,) = HostCollector(proc=tmp_path).collect(1.0)
    assert from_psutil.value == pytest.approx(time.time() - psutil.boot_time(), abs=5)
    assert from_psutil.value == pytest.approx(from_proc.value, abs=5)

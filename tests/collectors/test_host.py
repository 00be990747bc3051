from __future__ import annotations

import socket
import time
from pathlib import Path

import psutil
import pytest
from tests.collectors.support import PSUTIL, by_key, write_files, write_proc

from vitalcast.collectors.host import HostCollector, host_name, parse_hostname
from vitalcast.core.text import from_system
from vitalcast.machine import Roots


def test_uptime_is_the_first_number(tmp_path: Path) -> None:
    collector = HostCollector(roots=write_proc(tmp_path, {"uptime": "2009.57 3900.11\n"}))
    assert by_key(collector.collect(1.0)) == {"system.uptime": 2009.57}


def test_both_sources_agree() -> None:
    (from_proc,) = HostCollector().collect(1.0)
    (from_psutil,) = HostCollector(roots=PSUTIL).collect(1.0)
    assert from_psutil.value == pytest.approx(time.time() - psutil.boot_time(), abs=5)
    assert from_psutil.value == pytest.approx(from_proc.value, abs=5)


def test_the_name_is_that_of_the_machine_that_is_read(tmp_path: Path) -> None:
    files = {"etc/hostname": "# of the host\n\n web-1 \n", "proc/sys/kernel/hostname": "ours\n"}
    proc = write_files(tmp_path, files) / "proc"
    assert host_name() == from_system(socket.gethostname())
    assert host_name(Roots(procfs=proc, rootfs=tmp_path)) == "web-1"
    assert host_name(Roots(procfs=proc)) == "ours"
    assert host_name(Roots(procfs=tmp_path, rootfs=tmp_path / "proc")) == host_name()


@pytest.mark.parametrize(
    ("text", "name"), [(b"", b""), (b"#\n\n", b""), (b"a\xff\n", b"a\xff"), (b"x" * 999, b"x" * 255), (b"a b", b"a b")]
)
def test_a_name_is_one_line(text: bytes, name: bytes) -> None:
    assert parse_hostname(text) == name


def test_a_name_that_is_no_text_is_made_one(tmp_path: Path) -> None:
    write_files(tmp_path, {"etc/hostname": b"\xff\x1b[2J\n"})
    assert host_name(Roots(rootfs=tmp_path)) == r"\xff\x1b[2J"

"""A machine whose every file may say anything: each collector and table reads it, and tells nothing that cannot be."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.collectors.support import write_files
from tests.collectors.test_parsers import GARBAGE, WORDS
from tests.e2e.test_other_machine import files

from vitalcast.collectors.base import TableQuery
from vitalcast.collectors.host import host_name
from vitalcast.collectors.registry import default_collectors, default_tables
from vitalcast.collectors.runtime_stats import RuntimeStats
from vitalcast.core.metrics.model import Descriptor
from vitalcast.machine import Exclusions, Roots

RECORDED = {name: text if isinstance(text, bytes) else text.encode() for name, text in files().items()}
FILES = sorted(RECORDED)
NOTHING = Exclusions(disks=(), mounts=(), filesystems=(), interfaces=(), sensors=())


def roots(folder: Path) -> Roots:
    return Roots(procfs=folder / "proc", sysfs=folder / "sys", cgroupfs=folder, rootfs=folder / "root")


@st.composite
def spoilt(draw: st.DrawFn, text: bytes) -> bytes:
    """Return a text with a few of its words, or a whole line, replaced."""
    lines = [line.split(b" ") for line in text.split(b"\n")]
    for _ in range(draw(st.integers(1, 3))):
        line = draw(st.sampled_from(lines))
        line[draw(st.integers(0, len(line) - 1))] = draw(WORDS | GARBAGE)
    return b"\n".join(map(b" ".join, lines))


def is_plausible(descriptor: Descriptor, value: float) -> bool:
    low = -100 if descriptor.unit == "Cel" else 0
    return math.isnan(value) or low <= value <= (1 if descriptor.unit == "1" else 1e300)


def is_cell(value: str | float | None) -> bool:
    """Say whether a value may stand in a row: JSON on the wire ends with 64 bits."""
    if isinstance(value, str):
        return value.isprintable()
    return value is None or 0 <= value < 2**64


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_files(tmp_path_factory.mktemp("machine"), RECORDED)


@settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_whatever_its_files_say_every_reading_is_plausible(folder: Path, data: st.DataObject) -> None:
    write_files(folder, RECORDED)
    stats, exclude = RuntimeStats(), data.draw(st.sampled_from([Exclusions(), NOTHING]))
    collectors = default_collectors(stats=stats, disabled=["runtime"], roots=roots(folder), exclude=exclude)
    for now_s in (1.0, 2.0):
        chosen = data.draw(st.lists(st.sampled_from(FILES), min_size=1, max_size=4, unique=True))
        write_files(folder, {name: data.draw(spoilt(RECORDED[name]) | st.binary(max_size=60)) for name in chosen})
        for collector in collectors:
            samples = collector.collect(now_s)
            assert len({series.key for series, _ in samples}) == len(samples)
            for series, value in samples:
                assert all(text and text.isprintable() for text in series.values)
                assert is_plausible(series.descriptor, value), f"{series.key} is {value}"
    assert host_name(roots(folder)).isprintable()


@settings(max_examples=15)
@given(data=st.data())
def test_whatever_its_processes_are_called_they_are_rows(folder: Path, data: st.DataObject) -> None:
    write_files(folder, RECORDED)
    table = default_tables(roots=roots(folder), command_line=True)["processes"]
    queries = [TableQuery(column.name, 10) for column in table.columns]
    for now_s in (1.0, 2.0):
        names = ["proc/1/stat", "proc/2/stat", "proc/uptime", "root/etc/passwd"]
        write_files(folder, {name: data.draw(spoilt(RECORDED[name])) for name in names})
        write_files(folder, {f"proc/1/{name}": data.draw(st.binary(max_size=40)) for name in ("io", "cmdline")})
        for answer in table.read(queries, now_s):
            for row in answer.rows:
                assert all(map(is_cell, row))

from __future__ import annotations

import dataclasses
import math
import os
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from tests.collectors.support import PSUTIL, by_key

from vitalcast.collectors.runtime import OF_FIELD, RuntimeCollector, parse_self_stat
from vitalcast.collectors.runtime_stats import RuntimeStats
from vitalcast.machine import HERE

# Whichever machine is watched, our own process is in our own /proc.
SOURCES = {"proc": HERE, "another machine": replace(HERE, procfs=Path(__file__).parent), "psutil": PSUTIL}


def test_every_field_is_published() -> None:
    dicts = {"collector_duration_s", "collector_success"}
    fields = {field.name for field in dataclasses.fields(RuntimeStats)}
    assert fields == OF_FIELD.keys() | dicts


def test_fields_are_published_as_they_stand() -> None:
    stats = RuntimeStats(sockets=3, bytes_sent=4096, sampler_lag_s=0.002)
    collector = RuntimeCollector(stats)
    values = by_key(collector.collect(1.0))
    assert values["vitalcast.socket.count"] == 3
    assert values["vitalcast.socket.io"] == 4096
    assert values["vitalcast.sampler.lag"] == 0.002
    stats.sockets += 1
    assert by_key(collector.collect(2.0))["vitalcast.socket.count"] == 4


def test_each_collector_has_a_duration_and_a_success() -> None:
    stats = RuntimeStats(collector_duration_s={"cpu": 0.0001234567}, collector_success={"cpu": 1, "disk": 0})
    values = by_key(RuntimeCollector(stats).collect(1.0))
    assert values['vitalcast.collector.duration{vitalcast.collector.name="cpu"}'] == 0.000123
    assert values['vitalcast.collector.success{vitalcast.collector.name="cpu"}'] == 1
    assert values['vitalcast.collector.success{vitalcast.collector.name="disk"}'] == 0


@pytest.mark.parametrize("source", SOURCES)
def test_the_own_process_is_measured(source: str) -> None:
    collector = RuntimeCollector(RuntimeStats(), roots=SOURCES[source])
    values = by_key(collector.collect(1.0))
    assert values["vitalcast.process.memory.usage"] > 10_000_000
    assert values["vitalcast.process.thread.count"] >= threading.active_count()
    assert values['vitalcast.process.cpu.time{cpu.mode="user"}'] > 0


@pytest.mark.parametrize("source", SOURCES)
def test_open_descriptors_are_counted(source: str) -> None:
    collector = RuntimeCollector(RuntimeStats(), roots=SOURCES[source])
    before = by_key(collector.collect(1.0))["vitalcast.process.unix.file_descriptor.count"]
    pipe = os.pipe()
    after = by_key(collector.collect(2.0))["vitalcast.process.unix.file_descriptor.count"]
    for fd in pipe:
        os.close(fd)
    assert after == before + 2


def test_own_cpu_shares_are_known_from_the_second_reading() -> None:
    collector = RuntimeCollector(RuntimeStats())
    key = 'vitalcast.process.cpu.utilization{cpu.mode="user"}'
    assert math.isnan(by_key(collector.collect(1.0))[key])
    assert 0 <= by_key(collector.collect(2.0))[key] <= 1


def test_memory_and_threads_are_found_in_the_stat_line() -> None:
    line = "77 (a b) R 1 2 3 4 5 6 7 8 9 10 11 12 13 14 20 0 3 0 4242 999 512 18446744073709551615 1\n"
    assert parse_self_stat(line.encode(), 4096) == (512 * 4096, 3)

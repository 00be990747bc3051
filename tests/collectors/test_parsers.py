"""No text makes a parser raise or tell what cannot be, and a line that is spoilt spoils no other."""

from __future__ import annotations

import functools
import importlib
import math
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tests.collectors import (
    test_cpu,
    test_disk,
    test_filesystem,
    test_memory,
    test_network,
    test_oom,
    test_pressure,
    test_process_source,
)

import vitalcast.collectors
from vitalcast.collectors import (
    cpu,
    disk,
    filesystem,
    host,
    load,
    memory,
    network,
    oom,
    pressure,
    process_scan,
    process_source,
    resource,
    runtime,
)
from vitalcast.collectors import sensors as sensors_module


class Parser(NamedTuple):
    """A parser, and a text as the kernel writes it. `by_line` says that each line stands for itself."""

    parse: Callable[[bytes], Any]
    recorded: str | bytes
    by_line: bool = True

    @property
    def text(self) -> bytes:
        return self.recorded if isinstance(self.recorded, bytes) else self.recorded.encode()


STAT_LINE = test_process_source.stat_line(7, "a) b", ticks=5, threads=2, started=9, pages=3)
CPUINFO = (
    "processor\t: 0\nphysical id\t: 0\ncpu cores\t: 4\ncpu MHz\t\t: 2596.138\n\nprocessor\t: 2\ncpu MHz\t\t: 800.0\n"
)

PARSERS = {
    "parse_stat": Parser(lambda text: cpu.parse_stat(text, 100), test_cpu.STAT),
    "parse_cores": Parser(cpu.parse_cores, CPUINFO, by_line=False),
    "parse_frequencies_hz": Parser(cpu.parse_frequencies_hz, CPUINFO, by_line=False),
    "parse_diskstats": Parser(
        lambda text: disk.parse_diskstats(text, functools.partial(disk.choose, exclude=())), test_disk.DISKSTATS
    ),
    "parse_mounts": Parser(
        lambda text: {mount.mountpoint: mount for mount in filesystem.parse_mounts(text)}, test_filesystem.MOUNTS
    ),
    "parse_uptime": Parser(host.parse_uptime, "2009.57 3900.11\n", by_line=False),
    "parse_hostname": Parser(host.parse_hostname, "# of the host\nweb-1\n", by_line=False),
    "parse_loadavg": Parser(load.parse_loadavg, "0.11 0.07 12.06 1/123 5475\n", by_line=False),
    "parse_meminfo": Parser(lambda text: memory.parse_meminfo(text)._asdict(), test_memory.MEMINFO, by_line=False),
    "parse_vmstat": Parser(lambda text: memory.parse_vmstat(text)._asdict(), test_memory.VMSTAT),
    "parse_net_dev": Parser(lambda text: network.parse_net_dev(text, network.chooser(())), test_network.NET_DEV),
    "parse_sockstat": Parser(network.parse_sockstat, test_network.SOCKSTAT),
    "parse_sockstat_totals": Parser(network.parse_sockstat_totals, test_network.SOCKSTAT, by_line=False),
    "parse_pressure": Parser(pressure.parse_pressure, test_pressure.IO),
    "parse_pid_stat": Parser(process_source.parse_pid_stat, STAT_LINE, by_line=False),
    "parse_cpu_time": Parser(process_scan.parse_cpu_time, "cpu  9 2 3 4 5 6 7 8 0 0\n", by_line=False),
    "parse_passwd": Parser(process_source.parse_passwd, "root:x:0:0::/root:/bin/sh\nann:x:1000:100::/:/bin/sh\n"),
    "parse_self_stat": Parser(lambda text: runtime.parse_self_stat(text, 4096), STAT_LINE, by_line=False),
    "parse_os_release": Parser(resource.parse_os_release, 'NAME="Debian"\nVERSION_ID="12"\n', by_line=False),
    "parse_cpu_model": Parser(resource.parse_cpu_model, "processor\t: 0\nmodel name\t: A  CPU\n", by_line=False),
    "parse_record": Parser(oom.parse_record, test_oom.KILLED, by_line=False),
    "parse_number": Parser(lambda text: abs(sensors_module.parse_number(text)), "-1500\n", by_line=False),
}

GARBAGE = st.binary(max_size=40).map(lambda line: line.replace(b"\n", b"")) | st.sampled_from(
    [b"\r", "\x85\u2028".encode(), b"\0", b"\xff \xfe \xfd \xfc", b"cpu", b"cpu0 1", b":", b"a: -1", b" / ", b"x" * 300]
)
WORDS = st.sampled_from(
    [b"-1", b"nan", b"inf", b"1e999", b"9" * 5000, b"%d" % 2**64, b"x", b"", b"\xff", b"1_0", b"0x1"]
)


each_parser = pytest.mark.parametrize("parser", PARSERS.values(), ids=PARSERS)
each_parser_of_lines = pytest.mark.parametrize(
    "parser", [pytest.param(parser, id=name) for name, parser in PARSERS.items() if parser.by_line]
)


def leaves(outcome: Any) -> Iterator[Any]:
    """Yield the values of which an outcome is made."""
    if isinstance(outcome, Mapping):
        yield from leaves((*outcome.keys(), *outcome.values()))
    elif isinstance(outcome, tuple | list):
        for each in outcome:
            yield from leaves(each)
    else:
        yield outcome


def by_name(outcome: Any) -> Mapping[Any, Any]:
    """Return the entries of an outcome: of /proc/stat, those of the CPUs."""
    return outcome.logical if isinstance(outcome, cpu.CpuReading) else outcome


def is_plausible(outcome: Any) -> bool:
    return all(
        leaf.isprintable() if isinstance(leaf, str) else not isinstance(leaf, int | float) or _is_plausible(leaf)
        for leaf in leaves(outcome)
    )


def _is_plausible(number: float) -> bool:
    return number != number or 0 <= number < math.inf


def test_every_parser_is_tried() -> None:
    modules = [
        importlib.import_module(f"vitalcast.collectors.{module.name}")
        for module in pkgutil.iter_modules(vitalcast.collectors.__path__)
    ]
    assert {name for module in modules for name in vars(module) if name.startswith("parse_")} == PARSERS.keys()


@each_parser
def test_a_recorded_text_is_understood(parser: Parser) -> None:
    outcome = parser.parse(parser.text)
    assert outcome
    assert all(leaf == leaf for leaf in leaves(outcome))
    assert is_plausible(outcome)


@each_parser
@given(text=st.binary(max_size=200) | st.text(max_size=60).map(str.encode))
def test_no_bytes_make_a_parser_raise(parser: Parser, text: bytes) -> None:
    assert is_plausible(parser.parse(text))


@each_parser
@given(data=st.data())
def test_no_word_in_a_recorded_text_makes_a_parser_raise(parser: Parser, data: st.DataObject) -> None:
    lines = [line.split(b" ") for line in parser.text.split(b"\n")]
    for _ in range(data.draw(st.integers(1, 4))):
        line = data.draw(st.sampled_from(lines))
        line[data.draw(st.integers(0, len(line) - 1))] = data.draw(WORDS | GARBAGE)
    assert is_plausible(parser.parse(b"\n".join(map(b" ".join, lines))))


@each_parser
@settings(max_examples=20)
@given(data=st.data())
def test_no_cut_makes_a_parser_raise(parser: Parser, data: st.DataObject) -> None:
    start, end = sorted(data.draw(st.tuples(*[st.integers(0, len(parser.text))] * 2)))
    assert is_plausible(parser.parse(parser.text[start:end]))


@each_parser_of_lines
@given(data=st.data())
def test_a_spoilt_line_spoils_no_other(parser: Parser, data: st.DataObject) -> None:
    lines = parser.text.rstrip(b"\n").split(b"\n")
    at = data.draw(st.integers(0, len(lines) - 1))
    garbage = data.draw(GARBAGE)
    # It must be no second line of something that another one tells.
    assume(repr(parser.parse(garbage)) == repr(parser.parse(b"")))
    assume(garbage.split(None, 1)[:1] not in [line.split(None, 1)[:1] for line in lines if line])
    spoilt = [*lines[:at], garbage, *lines[at + 1 :]]
    without = by_name(parser.parse(b"\n".join([*lines[:at], *lines[at + 1 :], b""])))
    outcome = by_name(parser.parse(b"\n".join([*spoilt, b""])))
    assert repr({key: outcome.get(key) for key in without}) == repr(dict(without))  # in which nan equals nan

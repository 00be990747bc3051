from __future__ import annotations

from pathlib import Path

from tests.collectors.support import by_key, write_proc

from vitalcast.collectors.pressure import DESCRIPTORS, PressureCollector, Stall, parse_pressure

IO = """\
some avg10=1.78 avg60=0.07 avg300=100.00 total=6419384
full avg10=0.00 avg60=0.00 avg300=0.00 total=12
"""
CPU = IO.replace("1.78", "2.50")


def test_percents_become_shares_and_microseconds_seconds() -> None:
    assert parse_pressure(IO.encode()) == {
        "some": Stall((0.0178, 0.0007, 1.0), 6.419384),
        "full": Stall((0.0, 0.0, 0.0), 1.2e-5),
    }


def test_a_line_that_is_not_as_the_kernel_writes_it_is_skipped_alone() -> None:
    text = IO.replace("some avg10", "most avg10").encode() + b"some avg10=1 total=x\nsome\n\n"
    assert list(parse_pressure(text)) == ["full"]


def test_a_reading_becomes_samples(tmp_path: Path) -> None:
    collector = PressureCollector(roots=write_proc(tmp_path, {"pressure/io": IO, "pressure/cpu": CPU}))
    values = by_key(collector.collect(1.0))
    of_io = 'system.pressure.resource="io",system.pressure.scope'
    assert values[f'system.pressure.utilization{{{of_io}="some",system.pressure.window="10s"}}'] == 0.0178
    assert values[f'system.pressure.time{{{of_io}="full"}}'] == 1.2e-5
    assert len(values) == 4 * 3


def test_full_cpu_pressure_is_left_out_as_a_host_has_none(tmp_path: Path) -> None:
    values = by_key(PressureCollector(roots=write_proc(tmp_path, {"pressure/cpu": CPU})).collect(1.0))
    assert len(values) == 4
    assert all('system.pressure.scope="some"' in key for key in values)


def test_a_kernel_without_pressure_has_no_metrics_of_it(tmp_path: Path) -> None:
    collector = PressureCollector(roots=write_proc(tmp_path, {}))
    assert (collector.descriptors, collector.collect(1.0)) == ((), [])
    assert PressureCollector(roots=write_proc(tmp_path, {"pressure/io": IO})).descriptors == DESCRIPTORS

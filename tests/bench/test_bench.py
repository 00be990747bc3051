"""Every benchmark runs and yields its figures. How large they are is no test's business."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.bench import budgets, common, fanout, latency, memory, recorder, sampling, startup, storm

SOCKETS = 5


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the waits that only the figures' quality needs."""
    monkeypatch.setattr(fanout, "SETTLE_S", 0.0)
    monkeypatch.setattr(fanout, "PROBE_S", 0.0)
    monkeypatch.setattr(sampling, "SETTLE_S", 0.0)
    monkeypatch.setattr(sampling, "RESUME_S", 0.0)
    monkeypatch.setattr(memory, "INTERVAL_S", 0.1)
    monkeypatch.setattr(storm, "INTERVAL_S", 0.1)


def is_spread(value: object, rounds: int) -> bool:
    return isinstance(value, dict) and value["min"] <= value["median"] <= value["max"] and value["rounds"] == rounds


def test_fanout_compares_each_server_with_the_floor() -> None:
    names = [fanout.VITALCAST, fanout.FLOOR, fanout.BROADCAST]
    rows, notes = fanout.run(SOCKETS, interval_s=0.1, window_s=0.2, rounds=1, names=names, groups=(SOCKETS,))
    floor = fanout.FLOOR if common.find_compiler() else fanout.FLOOR_WITHOUT_C
    grouped = [name.format(SOCKETS) for name in (fanout.GROUPED, fanout.GROUPED_BINARY)]
    assert [row["server"] for row in rows] == [fanout.ONE_VIEWER, fanout.VITALCAST, floor, fanout.BROADCAST, *grouped]
    for row in rows:
        assert is_spread(row["µs a frame, raw"], 1)
        assert row["frames/s"] > 0
    assert rows[2]["× floor"]["median"] == 1
    assert is_spread(rows[1]["net"], 1)
    assert f"{SOCKETS} sockets" in notes[0]
    results = budgets.of_fanout(rows)
    assert [(one.what, one.reference) for one in results] == [
        ("CPU a frame, 5 sockets at 10 Hz", floor),
        ("CPU a frame, 5 sockets at 10 Hz, 5 subscriptions", floor),
        ("CPU a frame, 5 sockets at 10 Hz, 5 subscriptions, binary", floor),
        ("CPU a frame, 5 sockets at 10 Hz", fanout.BROADCAST),
        ("the load client's own CPU, 5 sockets at 10 Hz", "the server's"),
    ]


def test_fanout_names_what_is_absent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    entered: list[str] = []
    monkeypatch.setattr(fanout.shutil, "which", lambda name: None)
    monkeypatch.setattr(fanout.Arena, "_enter", lambda arena, name, server, **_: (entered.append(name), server.stop()))
    with ExitStack() as stack:
        arena = fanout.Arena(SOCKETS, 0.1, stack, tmp_path)
        arena.add(fanout.FLOOR)
        arena.add(fanout.NODE)
    assert entered == [fanout.FLOOR_WITHOUT_C]
    assert [reason.split(":")[0] for reason in arena.absent] == [fanout.FLOOR, fanout.NODE]


def test_memory_weighs_a_socket_of_each_server() -> None:
    rows, _ = memory.run([SOCKETS], settle_s=0.02)
    assert [row["server"] for row in rows] == [memory.VITALCAST, memory.EVENTS, memory.SEED]
    for row in rows:
        assert row["sockets"] == SOCKETS
        assert isinstance(row["KiB a socket"], float)
        assert row["MiB with none"] > 1


def test_latency_has_each_case_with_whole_ticks() -> None:
    rows, notes = latency.run(SOCKETS, window_s=0.3, rounds=1)
    assert [row["case"] for row in rows] == [latency.READING, latency.STALLED]
    for row in rows:
        assert row["ticks"] > 0
        assert is_spread(row["tick to last p99"], 1)
        assert row["first to last p50"]["median"] >= 0
    assert f"{SOCKETS} sockets at 10 Hz" in notes[0]


def test_sampling_tells_the_cost_of_a_tick() -> None:
    rows, notes = sampling.run(idle_s=1.2, fast_s=0.3, rounds=1, references=())
    assert [row["program"] for row in rows] == [sampling.IDLE, sampling.FAST]
    for row in rows:
        assert row["ticks"] > 0
        assert row["CPU % of a core"]["median"] > 0
        assert 0 < row["tick ms p50"] <= row["tick ms p99"]
    assert "cpu " in notes[1]


def test_startup_ends_with_the_first_frame() -> None:
    rows, _ = startup.run(rounds=1)
    assert [row["server"] for row in rows] == [startup.VITALCAST, startup.SEED]
    for row in rows:
        assert row["first frame, s"]["median"] >= row["connected, s"]["median"] > 0


def test_storm_brings_every_socket_back_with_what_it_missed() -> None:
    [row], _ = storm.run(SOCKETS, away_s=0.2)
    assert row["sockets"] == SOCKETS
    assert row["recovered"]["median"] == SOCKETS
    assert row["s to all live"]["median"] > 0


@pytest.mark.parametrize("program", [fanout, memory, latency, sampling, startup, storm])
def test_every_program_explains_itself(program: object, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        program.main(["--help"])  # type: ignore[attr-defined]
    assert ended.value.code == 0
    assert "--json FILE" in capsys.readouterr().out


def test_a_report_is_printed_and_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "result.json"
    rows = [{"server": "one", "µs": common.spread([3.0, 1.0, 2.0])}, {"server": "two", "µs": None}]
    common.report("fanout", rows, ["a note"], file)
    assert capsys.readouterr().out.splitlines() == ["server  µs", "one     2 [1–3]", "two     –", "* a note"]
    written = json.loads(file.read_text())
    assert written["results"] == rows
    assert written["machine"]["cpus"] > 0


def test_the_recorder_is_weighed_beside_psutil_and_by_what_it_keeps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder, "PAUSE_S", 0.0)
    (looks,), kept, notes = recorder.run((1,), days=0.01, rounds=2)
    assert looks.processes > 1
    assert 0 < looks.recorder["median"] < looks.everything["median"]
    assert is_spread(looks.reference, 2)
    assert 1 < kept.week_mb < 1000
    assert is_spread(kept.moment_ms, 2) and is_spread(kept.day_ms, 2)
    assert "to write" in notes[0]

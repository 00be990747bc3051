"""The command that runs the benchmarks: its table, its files, its exit code; with real, if small, measurements."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.bench import __main__ as program
from tests.bench import common, startup, storm
from tests.bench.budgets import PLANS, Plan, Result


@pytest.fixture
def small_storm(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave one benchmark, with five sockets."""
    monkeypatch.setattr(storm, "INTERVAL_S", 0.1)
    run = storm.run
    monkeypatch.setattr(storm, "run", lambda *_, **__: run(5, away_s=0.1))
    monkeypatch.setattr(program, "PLANS", {"storm": PLANS["storm"]})


def test_it_measures_prints_writes_and_compares(
    small_storm: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "first.json"
    code = program.main(["--quick", "--json", str(file)])
    said = capsys.readouterr()
    assert "[1/1] storm" in said.err
    assert "5 viewers back after a loss: all live" in said.out
    written = json.loads(file.read_text())
    met = [one["met"] for one in written["results"]]
    assert met[:2] == [None, None]
    assert code == (0 if all(met[2:]) else 1)
    assert f"{sum(met[2:])} of 2 budgets are met here." in said.out
    assert written["machine"]["quick"] is True
    program.main(["--compare", str(file), "--markdown"])
    said = capsys.readouterr()
    assert "| what | measured | reference | ratio | budget | met |" in said.out
    assert "Measured on 20" in said.out
    assert "without recovery" in said.out.split("change", 1)[1]
    assert "within the noise" in said.out


def test_a_benchmark_that_fails_is_named_and_the_others_go_on(
    small_storm: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(quick: bool) -> tuple[list[Result], list[str]]:
        raise RuntimeError("no answer")

    monkeypatch.setattr(program, "PLANS", {"startup": Plan("fails", broken), "storm": PLANS["storm"]})
    assert program.main(["--quick"]) == 1
    said = capsys.readouterr().out
    assert "startup was not measured: no answer" in said
    assert "all live" in said


def test_what_was_measured_before_an_interrupt_is_shown(
    small_storm: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(quick: bool) -> tuple[list[Result], list[str]]:
        raise KeyboardInterrupt

    plan = Plan("is interrupted", interrupted)
    monkeypatch.setattr(program, "PLANS", {"storm": PLANS["storm"], "startup": plan, "memory": plan})
    assert program.main(["--quick", "--markdown"]) == 1
    said = capsys.readouterr()
    assert "all live" in said.out
    assert "startup, memory: not measured, for the run was interrupted" in said.err


def test_a_budget_that_is_not_met_is_the_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    result = Result("a start", "s", common.spread([1.2, 1.1, 1.3]), startup.SEED, 0.6, 2.0, 1.0)
    monkeypatch.setattr(program, "PLANS", {"startup": Plan("is late", lambda quick: ([result], []))})
    assert program.main([]) == 1
    assert "0 of 1 budgets are met here." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--only", "fanuot"], "no benchmark is called fanuot; there are fanout, sampling"),
        (["--json", "no/such/folder/file"], "cannot be written"),
        (["--compare", __file__], "not a file that --json wrote"),
    ],
)
def test_what_cannot_work_is_said_before_anything_is_measured(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        program.main(arguments)
    assert ended.value.code == 2
    assert words in capsys.readouterr().err


def test_several_are_chosen_with_bars_or_commas() -> None:
    assert program.parse(["--only", "fanout|memory"]).only == ["fanout", "memory"]
    assert program.parse(["--only", "storm,history"]).only == ["storm", "history"]


@pytest.mark.parametrize(
    ("was", "now", "expected"),
    [
        (1.0, 1.05, "within the noise"),
        (1.0, 1.2, "worse"),
        (1.0, 0.8, "better"),
        ({"median": 1.0, "min": 0.7, "max": 1.4}, {"median": 1.5}, "within the noise"),
        ({"median": 1.0, "min": 0.7, "max": 1.4}, {"median": 1.6}, "worse"),
        ({"median": 1.0, "min": 0.7, "max": 1.4}, {"median": 0.6}, "better"),
    ],
)
def test_a_change_is_one_that_exceeds_the_spread(was: object, now: object, expected: str) -> None:
    assert program.verdict(was, now) == expected


def test_a_budget_bounds_the_ratio_or_the_figure() -> None:
    spread = common.spread([9.0, 10.0, 11.0])
    assert Result("a", "µs", spread, "C", 9.0, 1.1, 1.25, of_ratio=True).met is True
    assert Result("a", "µs", spread, "C", 7.0, 1.4, 1.25, of_ratio=True).met is False
    assert Result("a", "µs", spread, budget=1.25, of_ratio=True).met is None
    assert Result("a", "µs", spread, budget=9.5).met is False
    assert Result("a", "µs", spread).met is None

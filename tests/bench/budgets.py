"""What each benchmark has to show for the promises that the project makes: measured, reference, ratio, budget."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tests.bench import fanout, history, latency, memory, recorder, sampling, startup, storm

Spread = Mapping[str, float]
Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Result:
    """One line of the table. `measured`, `reference_measured` and `ratio` are spreads, or single figures.

    The budget bounds the ratio where `of_ratio`, else what was measured. None is no budget, or no reference.
    """

    what: str
    unit: str
    measured: Spread | float
    reference: str = ""
    reference_measured: Spread | float | None = None
    ratio: Spread | float | None = None
    budget: float | None = None
    of_ratio: bool = False

    @property
    def met(self) -> bool | None:
        judged = self.ratio if self.of_ratio else self.measured
        if self.budget is None or judged is None:
            return None
        return middle(judged) <= self.budget


def middle(value: Spread | float) -> float:
    """Return the median of a spread, or the figure itself."""
    return value["median"] if isinstance(value, Mapping) else value


def quotient(value: Spread | float, reference: Spread | float | None) -> float | None:
    return None if reference is None or not middle(reference) else round(middle(value) / middle(reference), 2)


def _find(rows: Rows, key: str, value: str) -> Mapping[str, Any] | None:
    return next((row for row in rows if row[key] == value), None)


@dataclass(frozen=True, slots=True)
class Plan:
    """How one benchmark is run for the table, in full and quickly, and what its rows say there."""

    about: str
    run: Callable[[bool], tuple[list[Result], list[str]]]


def of_fanout(rows: Rows) -> list[Result]:
    floor = _find(rows, "server", fanout.FLOOR) or _find(rows, "server", fanout.FLOOR_WITHOUT_C)
    results = []
    for row in rows:
        name: str = row["server"]
        if not name.startswith(fanout.VITALCAST) or name == fanout.ONE_VIEWER:
            continue
        case = name.removeprefix(fanout.VITALCAST).removeprefix(",").strip()
        where = f"{row['sockets']:,} sockets at {1 / row['interval']:g} Hz"
        results.append(
            _of_events(row, rows, f"CPU a frame, {where}, {case}")
            if name in (fanout.EVENTS, fanout.NAMED_EVENTS)
            else Result(
                f"CPU a frame, {where}{f', {case}' if case else ''}",
                "µs",
                row["net"],
                str(floor["server"]) if floor else "",
                floor["net"] if floor else None,
                row["× floor"],
                FANOUT_BUDGETS.get(name) if row["sockets"] >= BUDGETED_SOCKETS else None,
                of_ratio=True,
            )
        )
    ours = _find(rows, "server", fanout.VITALCAST)
    if ours is None:
        return results
    where = f"{ours['sockets']:,} sockets at {1 / ours['interval']:g} Hz"
    for rival in (fanout.SEED, fanout.BROADCAST, fanout.NODE):
        if (row := _find(rows, "server", rival)) is not None:
            ratio = quotient(ours["net"], row["net"])
            results.append(Result(f"CPU a frame, {where}", "µs", ours["net"], rival, row["net"], ratio))
    # That it is the server which is measured, and not who reads from it.
    share, theirs = ours["client CPU %"], ours["server CPU %"]
    what = f"the load client's own CPU, {where}"
    results.append(Result(what, "% of a core", share, "the server's", theirs, quotient(share, theirs)))
    return results


def _of_events(row: Mapping[str, Any], rows: Rows, what: str) -> Result:
    """Return what server-sent events cost, beside WebSockets."""
    ours = _find(rows, "server", fanout.VITALCAST)
    theirs = ours["net"] if ours is not None else None
    budget = EVENTS_BUDGET if row["sockets"] >= BUDGETED_SOCKETS else None
    return Result(what, "µs", row["net"], "WebSocket", theirs, quotient(row["net"], theirs), budget, of_ratio=True)


BUDGETED_SOCKETS = 1000
EVENTS_BUDGET = 1.5
FANOUT_BUDGETS = {
    fanout.VITALCAST: 1.25,
    fanout.GROUPED.format(1000): 1.8,
    fanout.GROUPED_BINARY.format(1000): 1.8,
}


MANY = [fanout.VITALCAST, fanout.FLOOR, fanout.SEED, fanout.BINARY, fanout.EVENTS, fanout.NAMED_EVENTS]


def run_fanout(quick: bool) -> tuple[list[Result], list[str]]:
    if quick:
        names = [fanout.VITALCAST, fanout.FLOOR, fanout.EVENTS]
        rows, notes = fanout.run(1000, window_s=0.7, rounds=2, names=names)
        return of_fanout(rows), notes
    results, notes = [], []
    cases: list[dict[str, Any]] = [
        {"sockets": 100},
        {"sockets": 1000, "names": tuple(fanout.CHOICES.values())},
        {"sockets": 1000, "interval_s": 1.0, "window_s": 4.0},
        {"sockets": 1000, "names": [fanout.FLOOR], "groups": (1, 10, 100, 1000), "rounds": 3},
        {"sockets": 10_000, "interval_s": 1.0, "window_s": 4.0, "rounds": 3, "names": MANY},
    ]
    for case in cases:
        found = fanout.run(**({"names": [fanout.VITALCAST, fanout.FLOOR, fanout.SEED]} | case))
        results += of_fanout(found[0])
        notes += found[1]
    return results, notes


def run_memory(quick: bool) -> tuple[list[Result], list[str]]:
    counts = (1000,) if quick else (1000, 10_000)
    names = (memory.VITALCAST, memory.EVENTS) if quick else (memory.VITALCAST, memory.EVENTS, memory.SEED)
    rows, notes = memory.run(counts, settle_s=0.4 if quick else 3.0, names=names)
    results = []
    for row in rows:
        name: str = row["server"]
        if not name.startswith(memory.VITALCAST):
            continue
        seeds = [one for one in rows if one["server"] == memory.SEED and one["sockets"] == row["sockets"]]
        size, theirs = row["KiB a socket"], seeds[0]["KiB a socket"] if seeds else None
        what = f"memory of an idle viewer, {row['sockets']:,} sockets{name.removeprefix(memory.VITALCAST)}"
        results.append(Result(what, "KiB", size, memory.SEED if seeds else "", theirs, quotient(size, theirs), 16))
    return results, notes


def run_sampling(quick: bool) -> tuple[list[Result], list[str]]:
    given: dict[str, Any] = {"idle_s": 2.5, "fast_s": 1.0, "rounds": 1, "settle_s": 1.0} if quick else {}
    rows, notes = sampling.run(**given, references=sampling.QUICK if quick else sampling.REFERENCES)
    idle, fast, *references = rows
    results = []
    for figure, of, unit, budget in (
        ("CPU % of a core", "CPU", "% of a core", 0.5),
        ("MiB", "memory", "MiB", 76.3),  # which are 80 MB
    ):
        what = f"{of}, no viewer, 1 Hz"
        beside = [
            Result(what, unit, idle[figure], one["program"], one[figure], quotient(idle[figure], one[figure]))
            for one in references
        ]
        [first, *others] = beside or [Result(what, unit, idle[figure])]
        results += [replace(first, budget=budget), *others]
        results.append(Result(f"{of}, one viewer at 10 Hz", unit, fast[figure]))
    return results, notes


def run_latency(quick: bool) -> tuple[list[Result], list[str]]:
    rows, notes = latency.run(window_s=1.5, rounds=1) if quick else latency.run()
    reading, stalled = rows
    results = []
    for share in ("p50", "p99"):
        figure = f"tick to last {share}"
        what = f"tick to the last of {reading['sockets']:,} viewers, {share}"
        results.append(Result(what, "ms", reading[figure]))
        ratio = quotient(stalled[figure], reading[figure])
        results.append(
            Result(f"{what}, {latency.STALLED}", "ms", stalled[figure], "none stalls", reading[figure], ratio)
        )
    return results, notes


HISTORY_HOURS = 24


def run_startup(quick: bool) -> tuple[list[Result], list[str]]:
    rows, notes = startup.run(rounds=1 if quick else 7, hours=0 if quick else HISTORY_HOURS)
    ours, seeds, *full = (row["first frame, s"] for row in rows)
    results = [Result("command to first frame", "s", ours, startup.SEED, seeds, quotient(ours, seeds), 1.0)]
    what = f"command to first frame, {HISTORY_HOURS} h of history"
    return [*results, *(Result(what, "s", one, "without", ours, quotient(one, ours), 1.0) for one in full)], notes


def run_storm(quick: bool) -> tuple[list[Result], list[str]]:
    [row], notes = storm.run(1000, away_s=0.5) if quick else storm.run(10_000)
    what = f"{row['sockets']:,} viewers back after a loss"
    return [
        Result(f"{what}: all live", "s", row["s to all live"]),
        Result(f"{what}: CPU each", "ms", row["server CPU ms a socket"]),
        Result(f"{what}: without recovery", "viewers", row["sockets"] - middle(row["recovered"]), budget=0),
        Result(f"{what}: ticks missed", "ticks", row["ticks missed"], budget=0),
    ], notes


def run_history(quick: bool) -> tuple[list[Result], list[str]]:
    hours = 3 if quick else history.HOURS
    forms, asked, kept, notes = history.run(hours, with_idle=not quick, rounds=1 if quick else history.ROUNDS)
    results = []
    for row in forms:
        ours, plain = row["bytes a sample"], row[history.PLAIN]
        budget = 0.8 if row["form"] == history.BUSY else None
        what = f"history on disk, {row['form']}"
        results.append(Result(what, "bytes a sample", ours, history.PLAIN, plain, quotient(ours, plain), budget))
    results.append(Result("history, CPU of a day of samples", "s", round(kept.cpu_s / hours * 24, 1)))
    for row in asked:
        what, budget = f"10 series over {row['range']} from the file", None if quick else 50.0
        results.append(Result(f"{what}, cold", "ms of CPU", row["cold, ms of CPU"], budget=budget))
        results.append(Result(f"{what}, warm", "ms", row["warm, ms"]))
    return results, notes


def run_browser(quick: bool) -> tuple[list[Result], list[str]]:
    try:
        from tests.bench import browser  # Playwright belongs to an extra
    except ImportError as error:
        raise RuntimeError(f"{error}; install vitalcast[bench]") from None
    ways = [browser.OURS, browser.REACT] if quick else [browser.NOTHING, browser.OURS, browser.REACT, browser.MICRO]
    given: dict[str, Any] = (
        {"window_s": 1.5, "rounds": 1, "settle_s": 1.0} if quick else {"window_s": 10.0, "rounds": 3}
    )
    rows, notes = asyncio.run(browser.charts((1.0, 10.0), ways=ways, **given))
    results = []
    for hz, budget in ((1.0, 4.0), (10.0, 20.0)):
        shares = {row["charts"]: row["main thread %"] for row in rows if row["Hz"] == hz}
        ours = shares[browser.OURS]
        what = f"browser's main thread, {browser.PANELS} charts at {hz:g} Hz"
        for rival, limit in ((browser.REACT, budget), (browser.MICRO, None)):
            if rival in shares:
                ratio = quotient(ours, shares[rival])
                results.append(Result(what, "%", ours, rival, shares[rival], ratio, limit))
    [page], told = asyncio.run(browser.load(rounds=2 if quick else 7, settle_s=1.0 if quick else 5.0))
    results += [
        Result("page open to first value", "s", page["first value, s"], budget=0.5),
        Result("page open to all charts", "s", page["all charts, s"], budget=1.2),
        Result("first load over the wire", "kB", page["kB over the wire"], budget=700),
    ]
    return results, [*notes, *told]


GESTURE_BUDGETS_MS = {"pointed": 150, "all": 500}


def run_gestures(quick: bool) -> tuple[list[Result], list[str]]:
    try:
        from tests.bench import gestures  # Playwright belongs to an extra
    except ImportError as error:
        raise RuntimeError(f"{error}; install vitalcast[bench]") from None
    rows, notes = gestures.run(1 if quick else gestures.ROUNDS)
    row = rows[-1]
    results = []
    for name, of in (("pointed", "the chart pointed at"), ("all", "all in view"), ("sharp", "all as sharp as can be")):
        for percent in (50, 95):
            budget = GESTURE_BUDGETS_MS.get(name) if percent == 95 else None
            what = f"gesture to picture, {of}, p{percent}"
            results.append(Result(what, "ms", row[f"{name} p{percent}, ms"], budget=budget))
    results.append(Result("gesture to picture, main thread, p50", "ms of CPU", row["CPU p50, ms"]))
    return results, notes


PSUTIL = "psutil"
RECORDER_COUNT, MANY = 150, 3000
PROCESS_BUDGETS = {RECORDER_COUNT: 0.1}  # per cent of a core


def run_recorder(quick: bool) -> tuple[list[Result], list[str]]:
    counts = (RECORDER_COUNT,) if quick else (RECORDER_COUNT, MANY)
    looks, kept, notes = recorder.run(counts, days=0.1 if quick else 1.0, rounds=3 if quick else 7)
    results = []
    for count, one in zip(counts, looks, strict=True):
        for what, share, budget in (
            ("flight recorder", one.recorder, PROCESS_BUDGETS.get(count)),
            ("recorder, programs and states", one.everything, None),
        ):
            ratio = quotient(share, one.reference)
            what = f"CPU, {what}, {count:,} processes"
            results.append(Result(what, "% of a core", share, PSUTIL, one.reference, ratio, budget))
    results += [
        Result("recorded processes, 7 days of 150 busy ones", "MB", round(kept.week_mb, 1), budget=100),
        Result("who used the machine, a moment", "ms of CPU", kept.moment_ms, budget=100),
        Result("who used the machine, 24 hours", "ms of CPU", kept.day_ms),
    ]
    return results, notes


PLANS: Mapping[str, Plan] = {
    "fanout": Plan("CPU of a delivered frame, beside a C loop and other servers", run_fanout),
    "sampling": Plan("CPU and memory of reading this machine, beside Glances and Netdata", run_sampling),
    "memory": Plan("memory of a viewer who only watches", run_memory),
    "latency": Plan("time from a tick to its last viewer, with and without a stalled one", run_latency),
    "browser": Plan("what live charts cost the browser, beside Plotly and uPlot, and how soon they show", run_browser),
    "gestures": Plan(
        "time from zooming, moving or choosing a range to its picture, over a month of past", run_gestures
    ),
    "startup": Plan("time from the command to the first frame", run_startup),
    "storm": Plan("all viewers lose their sockets and come back at once", run_storm),
    "recorder": Plan("cost of knowing who used the machine: CPU, bytes of a week, time of an answer", run_recorder),
    "history": Plan("bytes of a sample on disk, and how long questions about the past take", run_history),
}

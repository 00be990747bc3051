"""Writes the vectors that Python and JavaScript are both held to: `python -m tests.golden`.

Both draw charts, so both write numbers, place ticks and thin out lines; and both read names of metrics. The inputs
below are the list to add to. The answers are Python's; `tests/core/drawing/test_golden.py` holds it to them, and
`tests/browser/test_golden.py` the page. In JSON null stands for `nan`.
"""

from __future__ import annotations

import json
import math
import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from tests.golden.conversations import conversations
from tests.golden.conversations import text_of as lines_text

from vitalcast.cli.when import moment_of, range_of
from vitalcast.core.alerts.levels import Levels
from vitalcast.core.alerts.rule import Limit, Rule, Severity
from vitalcast.core.drawing.axis import round_scale, round_step, ticks_of
from vitalcast.core.drawing.format import format_age, format_duration, format_tick, format_value
from vitalcast.core.drawing.stack import stacked
from vitalcast.core.metrics.names import check_name
from vitalcast.core.metrics.table_filter import field_test
from vitalcast.core.panels.schema import FOR_S, KEEP_S

Json = dict[str, Any]
FOLDER = Path(__file__).parent
CONVERSATIONS = FOLDER / "conversations"

SIZES = (
    0.0, 1e-12, 4e-4, 0.0005, 0.004, 0.0049999, 0.05, 0.125, 0.5, 0.994, 0.9995, 1.0, 1.005, 2.5, 9.949, 9.994, 9.995,
    42.0, 99.94, 99.95, 512.0, 999.4, 999.5, 999.6, 1000.0, 1023.0, 1024.0, 1048575.0, 12345.678, 3.7e9, 2.0**40,
    7.77e15, 1e18, 9.99e20, 1e21, 3.4567e25, 1e100, 3e307, 1.7976931348623157e308,
)  # fmt: skip
UNITS = ("1", "s/s", "By", "By/s", "s", "Hz", "V", "W", "J", "A", "rpm", "Cel", "{thread}", "{operation}/s", "1/s", "")
# What others may send as a unit: names that objects have in JavaScript, markup, nothing that is a unit.
ODD_UNITS = (
    "m-2",
    "kg.m-2",
    "lx",
    "constructor",
    "__proto__",
    "toString/s",
    "<b>x</b>",
    "{",
    "{}/",
    "/",
    "/s",
    "µs",
    "\u202e",
)
# What may be the name of a metric, as others name theirs too, and what may not.
NAMES = (
    "system.cpu.utilization",
    "a",
    "A",
    "9",
    "node_CPU_seconds_total",
    "job:http_requests:rate5m",
    "k8s.pod/cpu.Usage",
    "otel-collector.http-errors",
    "-",
    ":/_-",
    "constructor",
    "__proto__",
    "a." * 31 + "a",
    "a." * 32 + "a",
    "b" * 255,
    "b" * 256,
    "",
    ".",
    ".a",
    "a.",
    "a..b",
    "a b",
    "a\nb",
    "a,b",
    "a*",
    "a.*",
    "a.>",
    ">",
    "a{b}",
    "a\\b",
    "µs",
    "\u0391",
    "１",
    "a\u0000",
)
_ = math.nan
# Values of the lines of a stack, from the lowest up, and which of them go down: some come, go and pause, and holes.
STACKS = (
    ([[1.0, 1, 1, 1, 1], [_, _, 2, 2, _], [3, 3, 3, 3, 3]], [False, False, False]),
    ([[1.0, _, 1, _, 1], [2, _, 2, 2, 2]], [False, False]),
    ([[_, _, _, 4.0], [_, 2, _, _], [1, 1, _, 1]], [False, True, True]),
    ([[_, 1.0, _]], [False]),
    ([[_, _], [0.5, _]], [False, False]),
)
# Filters of tables, and fields that they find or do not.
FILTERS = (
    "",
    "py",
    "PY3",
    '"python3"',
    '"Python3"',
    '"kworker"',
    '"7"',
    '"',
    '""',
    '"a',
    ' "7" ',
    "/",
    '"a"b"',
    "\u00e9",
)
FIELDS = (
    "python3",
    "python3.11",
    "Python3",
    "kworker/u8:3-events",
    "kworker:x",
    "kworkers",
    "7",
    "17",
    'a"b',
    '"',
    "Caf\u00e9",
    "",
)
# The browser of the tests is there as well.
ZONE = ZoneInfo("Europe/Berlin")
# A night in autumn; before, between and after the two 02:30 of a clock that is set back; after a skipped one.
NOWS = (
    datetime(2026, 11, 28, 3, 17, 5, tzinfo=ZONE),
    datetime(2026, 10, 25, 0, 40, tzinfo=UTC),
    datetime(2026, 10, 25, 1, 40, tzinfo=UTC),
    datetime(2026, 3, 29, 12, 0, tzinfo=UTC),
)
MOMENTS = (
    "02:00", "2:00", "02:30", "04:00", "03:17:04.5", "3:17:06", "2pm", "12am", "12:30 AM", "Noon", "midnight", "today",
    "today 02:00", "today 05:00", "yesterday", "yesterday 14:00", "Yesterday at 2 pm", " yesterday,  noon ",
    "monday 9:30",
    "last fri, noon", "saturday 02:00", "sat 05:00", "tues", "sunday 02:30", "3h ago", "1 hour and 30 minutes ago",
    "1h30m ago", "2 days ago", "1.5 weeks ago", "ago", "-3h", "-90s", "now-7d", "-1.5h", "-9999w", "now", "2026-11-27",
    "2026-11-27 14:00", "2026-11-27 at noon", "2026-11-27T14:00:30", "2026-11-27T14:00:00Z", "2026-11-27 14:00:00.250Z",
    "2026-11-27T14:00:00+05:00", "2026-11-27T14:00:00 05:00", "2026-11-27T09:30-0430", "2026-03-29 02:30",
    "2026-10-25 02:30", "1795816800000", "1969-12-31", "0001-01-01", "9999-12-31", "", "25:00", "2:60", "13pm", "0am",
    "2",
    "monday foo", "mo", "soon", "3 ago", "3 years ago", "2026-02-30", "2026-13-01T10:00Z", "1795816800", "1790",
    "999999999999999", "-3y", "1h and", "constructor", "<b>", "tomorrow", "x" * 900,
)  # fmt: skip
WINDOWS = (
    ("02:00", "02:30"), ("23:00", "01:00"), ("04:00", "02:00"), ("yesterday 14:00", "15:00"), ("thursday", "friday"),
    ("-2h", None), ("02:00", "04:00"), ("-3h", "2h ago"), ("yesterday", "now"), ("02:00", "tomorrow"), ("now", None),
    ("-1h", "-2h"), ("yesterday 14:00", "yesterday 13:00"), ("2027-01-01", None), ("1795816800000", "2026-11-28"),
)  # fmt: skip

SPANS_S = (
    0,
    1e-9,
    0.0042,
    0.25,
    0.9994,
    0.9996,
    1,
    1.5,
    9.94,
    9.96,
    42,
    59.5,
    60,
    185,
    3599.6,
    7800,
    86_399.9,
    532_800,
    1e9,
    9.99e14,
    1e15,
    3e307,
)

RANGES: tuple[tuple[float, float, str, float, int], ...] = (
    (0, 0.37, "1", 0, 4), (0, 3000, "By", 0, 4), (-1500, 3000, "By/s", 0, 4), (-18, 12, "Cel", 0, 4),
    (0, 0, "{thread}", 1, 4), (0, 0, "By/s", 8192, 4), (0, 0, "1", 0, 4), (0, 1e-7, "1", 0.05, 4),
    (0, 0.05000000001, "1", 0.05, 4), (0, 1.0, "1", 0, 2), (0, 1023.9, "By", 0, 5), (0, 1024, "By", 0, 3),
    (0, 17e9, "By", 0, 6), (0, 99.9, "Hz", 0, 4), (-0.3, 0.1, "1", 0, 4), (-5, -1, "W", 0, 3),
    (3, 4, "V", 0, 4), (0, 0.1 + 0.2, "", 0, 3), (0, 86_400, "s", 0, 4), (0, 12345, "constructor", 0, 4),
    (0, 1e15, "By", 0, 4), (0, 1e-6, "By", 0, 4), (0, 1e18, "1", 0, 4), (0, 3e307, "1", 0, 4), (0, 1e308, "By", 0, 6),
    (-1.7976931348623157e308, 1.7976931348623157e308, "1", 0, 4), (-3e307, 0, "Cel", 0, 2), (0, 1e308, "s", 1e18, 3),
    (0, 5e-324, "1", 0, 4), (-1e-310, 1e-300, "Cel", 0, 4), (0, 2e-26, "By", 0, 4),
)  # fmt: skip
STEPS = (
    0.0,
    -1.0,
    1e-9,
    0.013,
    0.1,
    0.2,
    0.5,
    0.7,
    1.0,
    1.1,
    2.0,
    2.0000001,
    3.0,
    5.0,
    7.0,
    10.0,
    999.0,
    1024.0,
    1025.0,
    1e12,
    1e300,
    5e-324,
    1e-310,
    1e-26,
)


def vectors() -> dict[str, Json]:
    """Return what each file holds, by its name."""
    return {
        "format": _format(),
        "axis": _axis(),
        "decimate": _decimate(),
        "levels": _levels(),
        "names": _names(),
        "times": _times(),
        "filters": _filters(),
        "stacks": _stacks(),
    }


def _format() -> Json:
    values = [value for size in SIZES for value in ((size, -size) if size else (0.0, math.nan))]
    return {
        "values": [
            {"value": _json(value), "unit": unit, "text": format_value(value, unit), "tick": _tick(value, unit)}
            for unit in (*UNITS, *ODD_UNITS)
            for value in values
        ],
        "durations": [{"seconds": one, "text": format_duration(one)} for span in SPANS_S for one in (span, -span)],
        "ages": [{"seconds": span, "text": format_age(span)} for span in SPANS_S],
    }


def _times() -> Json:
    nows = [round(now.timestamp() * 1000) for now in NOWS]
    return {
        "moments": [{"now": now, "text": text, **_moment(text, now)} for now in nows for text in MOMENTS],
        "windows": [
            {"now": now, "since": since, "until": until, **_window(since, until, now)}
            for now in nows
            for since, until in WINDOWS
        ],
    }


def _moment(text: str, now_ms: int) -> Json:
    try:
        return {"time": moment_of(text, now_ms, ZONE)}
    except ValueError as error:
        return {"problem": _said(error)}


def _window(since: str, until: str | None, now_ms: int) -> Json:
    try:
        start_ms, end_ms = range_of(since, until, now_ms, ZONE)
    except ValueError as error:
        return {"problem": _said(error)}
    return {"from": start_ms, "to": end_ms}


def _said(error: ValueError) -> str:
    """What is said of a text, without the text: the page has other quotation marks."""
    return re.sub(r"^'.*?'(?= is )|(?<= is not after )'.*'$", "", str(error))


def _names() -> Json:
    return {"names": [{"name": name, "valid": _is_name(name)} for name in NAMES]}


def _is_name(name: str) -> bool:
    try:
        check_name(name)
    except ValueError:
        return False
    return True


def _tick(value: float, unit: str) -> str | None:
    return None if math.isnan(value) else format_tick(value, unit)  # where nothing is, no tick is


def _axis() -> Json:
    return {
        "steps": [
            {"rough": rough, "unit": unit, "step": round_step(rough, unit)} for unit in ("1", "By") for rough in STEPS
        ],
        "ranges": [
            {
                "low": low,
                "high": high,
                "unit": unit,
                "least": least,
                "ticks": ticks,
                "mirrored": mirrored,
                "range": [scale.low, scale.high, scale.step],
                "texts": [tick.text for tick in ticks_of(scale, unit, mirrored=mirrored)],
            }
            for low, high, unit, least, ticks in RANGES
            for mirrored in (False, True)
            for scale in (round_scale(low, high, unit, least=least, ticks=ticks),)
        ],
    }


def _decimate() -> Json:
    """Each case: values one second apart, how many points there may be, and the spikes that must be among them."""
    rows = 900
    flat = [0.0] * rows
    spikes = {101: 9.0, 350: -4.0, 600: 1e12, 897: 3.0}
    spiked = [spikes.get(at, value) for at, value in enumerate(flat)]
    waves = [round(math.sin(at / 50) * 100, 6) for at in range(rows)]
    holed = [math.nan if 300 <= at < 420 else value for at, value in enumerate(waves)]
    edges = [5.0, *flat[2:], -5.0]
    return {
        "cases": [
            {"name": name, "most": most, "values": [_json(value) for value in values], "keep": keep}
            for name, values, keep in (
                ("spikes among zeros", spiked, sorted(spikes.values())),
                ("waves", waves, [min(waves), max(waves)]),
                ("a hole in waves", holed, [min(_known(holed)), max(_known(holed))]),
                ("the first and the last", edges, [-5.0, 5.0]),
                ("few", [1.0, 3.0, 2.0], [1.0, 2.0, 3.0]),
                ("nothing but holes", [math.nan] * 300, []),
            )
            for most in (120, 300)
        ]
    }


def _stacks() -> Json:
    """Each stack: the values of its lines, which of them go down, and where their bands are."""
    return {
        "stacks": [
            {
                "values": [[_json(value) for value in line] for line in values],
                "down": down,
                "bands": [
                    {"base": [_json(one) for one in base], "top": [_json(one) for one in top]}
                    for base, top in stacked([np.array(line) for line in values], down)
                ],
            }
            for values, down in STACKS
        ]
    }


def _filters() -> Json:
    """Each filter, and which of the fields it finds."""
    return {
        "filters": [
            {"filter": one, "fields": FIELDS, "found": [field_test(one)(field.casefold()) for field in FIELDS]}
            for one in FILTERS
        ]
    }


def _levels() -> Json:
    """Each case: a number a second, null for none, and the level after each as one letter."""
    rule = Rule(
        tuple(
            Limit(one, limit, round(FOR_S * 1000), round(KEEP_S * 1000))
            for one, limit in ((Severity.WARNING, 10), (Severity.CRITICAL, 20))
        )
    )
    noise = Random(7)  # of numbers for a test
    return {
        "cases": [
            {"name": name, "values": [_json(value) for value in values], "levels": _judged(rule, values)}
            for name, values in (
                ("a spike", [1.0] * 3 + [25.0] * 3 + [1.0] * 9),
                ("long enough", [25.0] * 9 + [1.0] * 30),
                ("in the middle of falling", [25.0] * 9 + ([1.0] * 15 + [11.0]) * 4 + [1.0] * 22),
                ("a hair below", [10 - 1e-10] * 8),
                ("holes", [25.0] * 3 + [math.nan] + [25.0] * 7 + [math.nan] * 30 + [15.0] + [math.nan, 1.0] * 13),
                ("noise", [round(noise.uniform(5, 25), 2) for _ in range(120)]),
                ("slow noise", [round(15 + 10 * math.sin(at / 9) + noise.uniform(-3, 3), 2) for at in range(240)]),
            )
        ]
    }


def _judged(rule: Rule, values: list[float]) -> str:
    levels = Levels(rule)
    letters = {None: ".", Severity.WARNING: "w", Severity.CRITICAL: "c"}
    said = ""
    for at, value in enumerate(values):
        levels.take(at, value, at * 1000)
        said += letters[levels.severity]
    return said


def _known(values: list[float]) -> list[float]:
    return [value for value in values if not math.isnan(value)]


def _json(value: float) -> float | None:
    return None if math.isnan(value) else value


def text_of(content: Json) -> str:
    """Write a file's content, one vector a line, so that a change shows as what it is."""
    parts = [
        f"  {json.dumps(name)}: [\n" + ",\n".join(f"    {json.dumps(one)}" for one in rows) + "\n  ]"
        for name, rows in content.items()
    ]
    return "{\n" + ",\n".join(parts) + "\n}\n"


if __name__ == "__main__":
    for stem, content in vectors().items():
        (FOLDER / f"{stem}.json").write_text(text_of(content))
        sys.stdout.write(f"tests/golden/{stem}.json\n")
    for stem, lines in conversations().items():
        (CONVERSATIONS / f"{stem}.jsonl").write_text(lines_text(lines))
        sys.stdout.write(f"tests/golden/conversations/{stem}.jsonl\n")

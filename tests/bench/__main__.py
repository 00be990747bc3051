"""Runs the benchmarks that stand behind the project's promises, and says which of them hold on this machine.

Every figure is measured in this run, beside a reference that took turns with it; medians with the least and the
greatest in brackets. A budget bounds the ratio to the reference where there is a ratio in its place, else the figure.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table
from tests.bench import common
from tests.bench.budgets import PLANS, Result, middle

NOTICEABLE = 1.1  # beyond this, and outside both spreads, a figure has changed


def main(argv: Sequence[str] | None = None) -> int:
    options = parse(argv)
    before = read(options.compare) if options.compare else None
    names = options.only or list(PLANS)
    results: list[Result] = []
    notes: list[str] = []
    failures: list[str] = []
    begin_s = time.monotonic()
    for number, name in enumerate(names, 1):
        plan = PLANS[name]
        common.progress(f"[{number}/{len(names)}] {name}: {plan.about}")
        try:
            found, told = plan.run(options.quick)
        except (RuntimeError, OSError, psutil.Error) as error:
            failures.append(f"{name} was not measured: {error}")
            continue
        except KeyboardInterrupt:
            failures.append(f"{', '.join(names[number - 1 :])}: not measured, for the run was interrupted")
            break
        results += found
        notes += told
    common.progress(f"done in {time.monotonic() - begin_s:.0f} s")
    where = common.machine() | {"date": datetime.datetime.now(datetime.UTC).date().isoformat(), "quick": options.quick}
    remarks = [*dict.fromkeys(notes), *failures]
    if options.markdown:
        sys.stdout.write(markdown(results, where))
        for remark in remarks:
            common.progress(f"* {remark}")
    else:
        show(results, remarks, where)
    if before is not None:
        compare(before, results)
    if options.json is not None:
        document = {"machine": where, "results": [as_json(one) for one in results], "notes": remarks}
        options.json.write_text(json.dumps(document, indent=2) + "\n")
    return 1 if failures or any(one.met is False for one in results) else 0


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    about = "\n".join(f"  {name:<10}{plan.about}" for name, plan in PLANS.items())
    parser = argparse.ArgumentParser(
        prog="vitalcast bench",
        description=f"{__doc__}\nbenchmarks:\n{about}\n\nThe exit code is 1 where a budget is not met.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="smaller and shorter, in about a minute")
    parser.add_argument("--only", type=chosen, metavar="NAME|NAME", help=f"some of {'|'.join(PLANS)}")
    parser.add_argument("--json", type=writable, metavar="FILE", help="also write all of it to FILE")
    parser.add_argument("--compare", type=Path, metavar="FILE", help="show what has changed since FILE of --json")
    parser.add_argument("--markdown", action="store_true", help="print the table as Markdown")
    options = parser.parse_args(argv)
    if options.compare:
        try:
            read(options.compare)
        except (OSError, ValueError, KeyError, TypeError) as error:
            parser.error(f"--compare {options.compare}: not a file that --json wrote ({error})")
    return options


def chosen(text: str) -> list[str]:
    names = text.replace("|", ",").split(",")
    unknown = [name for name in names if name not in PLANS]
    if unknown:
        raise argparse.ArgumentTypeError(f"no benchmark is called {', '.join(unknown)}; there are {', '.join(PLANS)}")
    return names


def writable(text: str) -> Path:
    """Return the path, so that it is known before minutes of measuring that nothing can be written there."""
    path = Path(text)
    target = path if path.exists() else path.parent
    if path.is_dir() or not os.access(target, os.W_OK):
        raise argparse.ArgumentTypeError(f"{path} cannot be written")
    return path


# --- the table -------------------------------------------------------------------------------------------------------

HEADS = ("what", "measured", "reference", "ratio", "budget", "met")


def cells(result: Result) -> tuple[str, ...]:
    """Return the texts of one line, in the order of HEADS."""
    reference = ""
    if result.reference_measured is not None:
        reference = f"{result.reference} {common.shown(result.reference_measured)}"
    budget = "" if result.budget is None else f"≤ {result.budget:g}{' ×' if result.of_ratio else f' {result.unit}'}"
    return (
        result.what,
        f"{common.shown(result.measured)} {result.unit}",
        reference or "–",
        "–" if result.ratio is None else f"{common.shown(result.ratio)} ×",
        budget or "–",
        {True: "yes", False: "NO", None: "–"}[result.met],
    )


def describe(where: Mapping[str, Any]) -> str:
    return (
        f"{where['date']}, {where['processor']} with {where['cpus']} CPUs and {where['memory_gib']} GiB, "
        f"Linux {where['kernel']}, Python {where['python']}, load {where['load_average'][0]:g} at the end"
        f"{', --quick' if where['quick'] else ''}"
    )


def show(results: Sequence[Result], notes: Sequence[str], where: Mapping[str, Any]) -> None:
    # Into a pipe or a file the table is as wide as it needs to be.
    console = Console(width=None if sys.stdout.isatty() else 220)
    table = Table(caption=describe(where), caption_justify="left")
    for head in HEADS:
        table.add_column(head, overflow="fold")
    for result in results:
        style = "red" if result.met is False else None
        table.add_row(*cells(result), style=style)
    console.print(table)
    for note in notes:
        console.print(f"* {note}", markup=False, highlight=False)
    judged = [one.met for one in results if one.met is not None]
    console.print(f"{sum(judged)} of {len(judged)} budgets are met here.", highlight=False)


def markdown(results: Sequence[Result], where: Mapping[str, Any]) -> str:
    lines = [HEADS, ("---",) * len(HEADS), *(cells(one) for one in results)]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return f"{table}\n\nMeasured on {describe(where)}.\n"


# --- files -----------------------------------------------------------------------------------------------------------


def as_json(result: Result) -> dict[str, Any]:
    return asdict(result) | {"met": result.met}


def read(path: Path) -> dict[str, Result]:
    """Return the results of an earlier run by what they say. Raises what a file that is none brings about."""
    document = json.loads(path.read_text())
    results = [Result(**{key: value for key, value in one.items() if key != "met"}) for one in document["results"]]
    return {f"{one.what} {one.reference}": one for one in results}


def compare(before: Mapping[str, Result], results: Sequence[Result]) -> None:
    """Print what differs: by the ratio to the reference where there is one, as two runs share little else."""
    rows = []
    for result in results:
        old = before.get(f"{result.what} {result.reference}")
        if old is None:
            continue
        by_ratio = old.ratio is not None and result.ratio is not None
        was, now = (old.ratio, result.ratio) if by_ratio else (old.measured, result.measured)
        assert was is not None
        assert now is not None
        rows.append(
            {
                "what": result.what,
                "by": f"ratio to {result.reference}" if by_ratio else result.unit,
                "was": was,
                "is": now,
                "change": verdict(was, now),
            }
        )
    print()
    common.print_table(rows)


def verdict(was: Any, now: Any) -> str:
    """Say whether a figure has changed by more than it varies within a run; less is better for all of them."""
    low, high = (was["min"], was["max"]) if isinstance(was, dict) else (was, was)
    value = middle(now)
    if value > high * NOTICEABLE:
        return "worse"
    if value < low / NOTICEABLE:
        return "better"
    return "within the noise"


if __name__ == "__main__":
    sys.exit(main())

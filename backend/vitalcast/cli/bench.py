"""`vitalcast bench`: finds the benchmarks, which are no part of the program, and runs them."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Annotated

import typer

from vitalcast.errors import BenchError

PACKAGE = "tests"


def bench_root(*, package: Path | None = None) -> Path:
    """Return the folder that holds `tests/bench`: the checkout where there is one, else the wheel's copy.

    Raises BenchError, naming both places, where neither holds it.
    """
    package = package or Path(__file__).resolve().parents[1]
    places = (package.parents[1], package / "_bench")
    for place in places:
        if (place / PACKAGE / "bench" / "__main__.py").is_file():
            return place
    raise BenchError(f"the benchmarks are missing: looked for tests/bench in {places[0]} and {places[1]}")


def run(arguments: Sequence[str]) -> int:
    """Run the benchmarks with these arguments; return their exit code. Raises BenchError."""
    if sys.platform != "linux":
        raise BenchError("the benchmarks read Linux's accounting of time and memory; run them on Linux")
    package = ModuleType(PACKAGE)  # another package of this name may be installed
    package.__path__ = [str(bench_root() / PACKAGE)]
    sys.modules[PACKAGE] = package
    main: Callable[[Sequence[str]], int] = importlib.import_module(f"{PACKAGE}.bench.__main__").main
    return main(arguments)


def bench(
    quick: Annotated[bool, typer.Option("--quick", help="A smaller, shorter run: about a minute.")] = False,
    only: Annotated[
        str | None,
        typer.Option("--only", metavar="NAME|NAME", help="Run only these benchmarks; an unknown name lists all."),
    ] = None,
    json: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Also write all results to FILE.")] = None,
    compare: Annotated[
        Path | None, typer.Option("--compare", metavar="FILE", help="Compare with FILE, written by --json.")
    ] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the table as Markdown.")] = False,
) -> None:
    """Measure what Vitalcast promises on this machine."""
    arguments = [flag for flag, given in (("--quick", quick), ("--markdown", markdown)) if given]
    for option, value in (("--only", only), ("--json", json), ("--compare", compare)):
        arguments += [] if value is None else [option, str(value)]
    raise typer.Exit(run(arguments))

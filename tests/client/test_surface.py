"""What programs may count on: what importing the client costs, its names, and its types."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import vitalcast
from vitalcast import client
from vitalcast.client.asyncio_client import Ticks
from vitalcast.client.blocking import BlockingTicks

BACKEND = Path(vitalcast.__file__).parents[1]
NAMES = {
    *("BlockingClient", "Client", "ClientError", "Event", "Gap", "Headline", "Line", "ListedSeries", "Position"),
    *("RefusedError", "Result", "Rows", "Series", "Tick", "UnreachableError"),
}
HEAVY = {"fastapi", "starlette", "uvicorn", "psutil", "plotly", "pydantic", "numpy", "orjson", "rich", "typer"}
LATER = HEAVY | {"asyncio", "websockets", "pandas", "polars", "pyarrow"}

PROGRAM = """
from datetime import UTC, datetime, timedelta

from vitalcast import BlockingClient, Client
from vitalcast.client import ClientError, Event, Gap, Headline, Position, Result, Rows, Series, Tick


async def follow(position: Position | None) -> None:
    async with Client("http://127.0.0.1:8000", token=None) as one:
        stream = one.subscribe("system.cpu.>", interval=1, where={"cpu.mode": "user"}, since=position)
        async for tick in stream:
            value: float | None = tick["system.cpu.utilization"]
            gap: Gap | None = tick.gap
            when: datetime = tick.time
            series: tuple[Series, ...] = tick.series
            head: Headline | None = tick.headline
            print(value, gap, when, series, head, stream.position)
        await stream.update(interval=timedelta(seconds=5))
        result: Result = await one.query(panel="cpu", start=datetime.now(UTC) - timedelta(hours=1))
        print(result.to_pandas(), await one.mark("x"))


def block() -> None:
    with BlockingClient() as one:
        for tick in one.subscribe("system.cpu.utilization", aggregate=["avg", "max"], backfill="5m"):
            print(dict(tick), tick.row.sum())
        rows: Rows
        for rows in one.table("processes", sort="cpu", limit=3):
            print(rows[0]["name"])
        event: Event
        for event in one.events(kinds="mark"):
            print(event.title)
        newest: Tick = one.latest("system.load.average")
        print(newest, one.list()[0].description, one.processes(at="-5m").to_pandas())
        try:
            one.query("system.memory.usage", start="-1d", step="1m", top=3)
        except ClientError as error:
            print(error)
"""
WRONG = """
from vitalcast import BlockingClient

with BlockingClient() as one:
    one.subscribe("system.cpu.utilization", intervall=1)
    one.query(start=[1])
    one.latest("x").offset.bit_count()
"""


def modules(program: str) -> set[str]:
    """Return what a fresh interpreter has imported after this."""
    code = f"{program}\nimport sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return {name.split(".")[0] for name in done.stdout.split()}


def test_importing_the_client_imports_next_to_nothing() -> None:
    assert modules("import vitalcast") & LATER == set()
    assert modules("import vitalcast.client") & LATER == set()
    with_clients = modules("from vitalcast import BlockingClient, Client; Client()")
    assert with_clients & (LATER - {"asyncio"}) == set()
    assert "asyncio" in with_clients


def test_the_names_are_those_of_the_manual() -> None:
    assert set(client.__all__) == NAMES
    assert all(getattr(client, name) is not None for name in NAMES)
    assert (vitalcast.Client, vitalcast.BlockingClient) == (client.Client, client.BlockingClient)
    public = {name for name in vars(client.Client) if not name.startswith("_")}
    assert public == {name for name in vars(client.BlockingClient) if not name.startswith("_")} - {"close"} | {
        "open",
        "aclose",
    }
    ticks, blocking = ({name for name in vars(kind) if not name.startswith("_")} for kind in (Ticks, BlockingTicks))
    assert ticks == blocking


def test_a_program_is_checked_by_its_types(tmp_path: Path) -> None:
    assert (BACKEND / "vitalcast" / "py.typed").exists()
    for name, text in (("program", PROGRAM), ("wrong", WRONG)):
        (tmp_path / f"{name}.py").write_text(text)
    # Without other packages, which take most of the time.
    alone = ["--no-site-packages", "--ignore-missing-imports", "--follow-imports=silent", "--no-incremental"]
    command = [sys.executable, "-m", "mypy", "--strict", *alone, "program.py", "wrong.py"]
    env = os.environ | {"MYPYPATH": str(BACKEND)}
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    lines = [line.split(" [")[0].partition(": error: ") for line in done.stdout.splitlines() if ": error: " in line]
    assert [(place, said) for place, _, said in lines if place.startswith("program")] == []
    assert [place for place, _, _ in lines] == ["wrong.py:5", "wrong.py:6", "wrong.py:7"], done.stdout

"""Whole conversations of a program with a server, which every client replays: `tests/golden/conversations/*.jsonl`.

Each line is one of these:

- `{"program": …, "name": …, "fields": …}`: the program asks for something, under a name of its own: `subscribe`,
  `table`, `events`, `query`, `list`, or `close` of what it asked for.
- `{"line": "open"}` or `"lost"`: the connection.
- `{"from": "client", "text": …}`: what the client has to send now. Ids, and the names of streams, are its own.
- `{"from": "server", "text": …}`, or `"binary"` in base64: what it gets.
- `{"expect": …, "name": …}`: what the program has to be told next of what it asked for: a `tick`, `rows`, an `event`,
  an `answer`, or `refused` with the code.

A program is told nothing else. After `{"nonsense": true}` each line is for itself: a client may leave a server that
says this, and has to tell the program nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from tests.golden.odd_scripts import newer, nonsense, refused
from tests.golden.scripts import (
    aggregates,
    backfill,
    events,
    expired,
    lines,
    panel,
    query,
    query_panel,
    ratio,
    renewed,
    restart,
    resume,
    series,
    slow,
    subscribe,
    table,
)
from tests.golden.stage import Json, Stage

CONVERSATIONS: dict[str, Callable[[Stage], None]] = {
    one.__name__: one
    for one in (
        subscribe,
        backfill,
        aggregates,
        resume,
        expired,
        slow,
        restart,
        renewed,
        ratio,
        series,
        panel,
        lines,
        table,
        events,
        query,
        query_panel,
        refused,
        newer,
        nonsense,
    )
}
ALSO_BINARY = (subscribe, resume, slow, restart, renewed, series, panel, lines, newer, nonsense)


def conversations() -> dict[str, list[Json]]:
    """Return the lines of each conversation, by the name of its file."""
    found = {}
    for name, script in CONVERSATIONS.items():
        for binary in (False, True) if script in ALSO_BINARY else (False,):
            stage = Stage(binary=binary, kept_ms=3000 if script is expired else None)
            script(stage)
            found[f"{name}.binary" if binary else name] = stage.lines
    return found


def text_of(lines: list[Json]) -> str:
    return "".join(json.dumps(line) + "\n" for line in lines)

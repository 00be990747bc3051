"""Has the Python client hear nonsense: `python -m tests.soak.hostile_server [COUNT]`.

The messages are those of the golden conversations with parts left out or replaced. Whatever comes, the client fails by
name or goes on, and what it then tells a program can be read.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from random import Random
from typing import Any

from vitalcast.client.events import EventStream
from vitalcast.client.protocol import News, Protocol
from vitalcast.client.streams import MetricStream
from vitalcast.client.tables import TableStream
from vitalcast.client.ticks import Tick
from vitalcast.errors import ClientError, LostError

CONVERSATIONS = Path(__file__).parents[1] / "golden" / "conversations"
COUNT = 20_000
ODD: list[Any] = [None, True, -1, 0, 1.5, 1e308, 10**30, "x", "", [], {}, [[]], [None], {"a": 1}, "2", 2**53]


def messages() -> list[Any]:
    """Return all that servers say in the golden conversations."""
    lines = [json.loads(line) for path in CONVERSATIONS.glob("*.jsonl") for line in path.read_text().splitlines()]
    texts = [line["text"] for line in lines if line.get("from") == "server" and "text" in line]
    found = []
    for text in texts:
        try:
            found.append(json.loads(text))
        except ValueError:
            continue
    return [one for one in found if isinstance(one, dict)]


def spoilt(value: Any, random: Random) -> Any:
    """Return a message with parts left out or replaced."""
    if random.random() < 0.04:
        return random.choice(ODD)
    if isinstance(value, dict):
        return {key: spoilt(one, random) for key, one in value.items() if random.random() > 0.02}
    if isinstance(value, list):
        return [spoilt(one, random) for one in value]
    return value


def hear(said: list[Any], random: Random) -> str:
    """Let a client hear some of it; return how it ended. Raises what the client raised otherwise than by name."""
    protocol = Protocol()
    protocol.add(MetricStream, {"metrics": ["x"]})
    protocol.add(TableStream, {"table": "processes"})
    protocol.add(EventStream, {})
    protocol.ask({"type": "query"})
    protocol.connected()
    for _ in range(8):
        message = spoilt(random.choice(said), random)
        if isinstance(message, dict):
            message |= {"id": random.choice([1, 2, 3, 4])} if "id" in message else {}
            message |= {"group": random.choice([1, 2])} if "group" in message else {}
        try:
            for one in protocol.receive(json.dumps(message)):
                if isinstance(one, News):
                    read(one.item)
        except (ClientError, LostError) as error:
            assert str(error).isprintable(), str(error)
            return type(error).__name__
    return "went on"


def read(item: Any) -> None:
    """Read all that a program may read of what it is told."""
    assert repr(item)
    assert item.time is not None
    if isinstance(item, Tick):
        assert len(item.row) == len(item.series)
        assert (dict(item), item.lines, item.headline, item.level, item.gap) is not None


def main() -> int:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else COUNT
    random, said, ends = Random(1), messages(), dict[str, int]()
    for _ in range(count):
        end = hear(said, random)
        ends[end] = ends.get(end, 0) + 1
    print(f"{count} conversations: {ends}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

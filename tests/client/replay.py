"""Replays a golden conversation to the Python client's protocol, and says what it does otherwise."""

from __future__ import annotations

import base64
import json
from collections import defaultdict, deque
from pathlib import Path
from typing import Any

from vitalcast.client.events import Event, EventStream
from vitalcast.client.protocol import Answer, Ended, News, Protocol, Question
from vitalcast.client.result import read_result
from vitalcast.client.streams import MetricStream, Stream
from vitalcast.client.tables import Rows, TableStream
from vitalcast.client.ticks import Tick
from vitalcast.errors import ClientError

Json = dict[str, Any]
STREAMS: dict[str, type[Stream]] = {"subscribe": MetricStream, "table": TableStream, "events": EventStream}


class Replay:
    """A program and its client, to whom a conversation happens."""

    def __init__(self) -> None:
        self.protocol = Protocol()
        self._asked: dict[str, Stream | Question] = {}
        self._told: dict[str, deque[Json]] = defaultdict(deque)
        self._commands: deque[Json] = deque()
        self._ids: dict[Any, Any] = {}  # ours, by those that were noted
        self._streams: dict[str, str] = {}

    def line(self, line: Json) -> None:
        """Let a line happen. Raises AssertionError where the client does not as it says."""
        match line:
            case {"program": "close", "name": name}:
                self.protocol.remove(self._asked[name])
            case {"program": does, "name": name, "fields": fields}:
                kind = STREAMS.get(does)
                asked = self.protocol.ask({"type": does, **fields}) if kind is None else self.protocol.add(kind, fields)
                self._asked[name] = asked
            case {"line": "open"}:
                self.protocol.connected()
            case {"line": "lost"}:
                self.protocol.disconnected()
            case {"from": "client", "text": text}:
                self._sent(json.loads(text))
            case {"from": "server"}:
                self.receive(line)
            case {"expect": expected, "name": name}:
                assert self._told[name], f"{name} was told nothing, and should have been: {expected}"
                told = self._told[name].popleft()
                assert told == expected, f"told {told}, and should have been {expected}"
        self._commands.extend(map(json.loads, self.protocol.outgoing()))

    def receive(self, line: Json) -> None:
        """Take what the server sends."""
        if "binary" in line:
            message: str | bytes = base64.b64decode(line["binary"])
        else:
            message = self._with_our_names(line["text"])
        for one in self.protocol.receive(message):
            match one:
                case News(stream, item):
                    self._told[self._name(stream)].append(as_json(item))
                case Answer(question, result, error):
                    said = {"refused": int(error.code)} if error is not None else _answer(result)
                    self._told[self._name(question)].append(said)
                case Ended(stream, error):
                    self._told[self._name(stream)].append({"refused": int(error.code)})

    def finish(self) -> None:
        """Raises AssertionError where more was told, or sent, than the conversation has."""
        assert not self._commands, f"also sent: {list(self._commands)}"
        assert not any(self._told.values()), f"also told: {dict(self._told)}"

    def _sent(self, noted: Json) -> None:
        assert self._commands, f"nothing was sent, and should have been: {noted}"
        command = self._commands.popleft()
        self._ids[noted["id"]] = command["id"]
        if "stream" in noted:
            self._streams[noted["stream"]] = command.get("stream", "")
        command.get("since", {}).pop("source", None)  # which a client may name
        as_noted = command | {key: noted[key] for key in ("id", "stream") if key in noted}
        assert as_noted == noted, f"sent {command}, and should have sent {noted}"

    def _with_our_names(self, text: str) -> str:
        try:
            message = json.loads(text)
        except ValueError:
            return text
        if isinstance(message, dict):
            for key, ours in (("id", self._ids), ("stream", self._streams)):
                noted = message.get(key)
                if message.get("type") != "event" and isinstance(noted, int | str) and noted in ours:
                    message[key] = ours[noted]
        return json.dumps(message)

    def _name(self, asked: Stream | Question) -> str:
        return next(name for name, one in self._asked.items() if one is asked)


def as_json(item: Tick | Rows | Event) -> Json:
    """Return what a program is told as conversations have it."""
    match item:
        case Tick():
            gap = None if item.gap is None else item.gap._asdict()
            tick: Json = {"time": item.time_ms, "offset": item.offset, "values": dict(item), "gap": gap}
            if item.headline is not None:
                number = item.headline
                tick["lines"] = [[line.key, line.value] for line in item.lines]
                tick["headline"] = {key: getattr(number, key) for key in ("label", "value", "unit", "level")}
            return {"tick": tick}
        case Rows():
            said = {"time": item.time_ms, "rows": list(item), "matches": item.matches, "total": item.total}
            return {"rows": said}
        case Event():
            names = ("id", "source", "kind", "severity", "title", "attributes")
            times = {"time": item.time_ms, "end": item.end_ms}
            return {"event": {name: getattr(item, name) for name in names} | times}


def replay(path: Path) -> None:
    """Let a conversation happen. Raises AssertionError that names the line at which the client did otherwise."""
    one = Replay()
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    nonsense = lines.index({"nonsense": True}) if {"nonsense": True} in lines else len(lines)
    for number, line in enumerate(lines[:nonsense], 1):
        try:
            one.line(line)
        except AssertionError as error:
            raise AssertionError(f"{path.name}:{number}: {error}") from None
    one.finish()
    for number, line in enumerate(lines[nonsense + 1 :], nonsense + 2):
        _nonsense(lines[:nonsense], line, f"{path.name}:{number}")


def _nonsense(before: list[Json], line: Json, where: str) -> None:
    one = Replay()
    for earlier in before:
        one.line(earlier)
    try:
        one.receive(line)
    except ClientError:
        return
    try:
        one.finish()
    except AssertionError as error:
        raise AssertionError(f"{where}: {error}") from None


def _answer(result: Any) -> Json:
    read = read_result(result)
    values = {series.key: column for series, column in zip(read.series, read.columns, strict=True)}
    return {"answer": {"times": read.times_ms, "values": values, "step": read.step}}

"""Clients that speak the contract, and the state that a client builds from what it is sent."""

from __future__ import annotations

import asyncio
import json
import math
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.e2e.server import Server, Variant
from tests.schemas import check_accepted, check_message
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from vitalcast.core.wire.binary import decode

PROTOCOL = "vitalcast.v1.json"
BINARY_PROTOCOL = "vitalcast.v1.bin"
TIMEOUT_S = 60.0  # only so that a failure ends; two busy cores may be slow
MESSAGES_MAX = 20_000  # what a test may have to skip before what it waits for

Json = dict[str, Any]


class Talker(ABC):
    """One socket, spoken to in JSON. `heard` keeps all messages that were received, `texts` those that are not JSON."""

    def __init__(self) -> None:
        self.heard: list[Json] = []
        self.texts: list[str] = []
        self._next_id = 1
        self._asked: dict[Any, Json] = {}  # what was sent, by id

    @abstractmethod
    async def send_text(self, text: str) -> None: ...

    @abstractmethod
    async def receive_text(self) -> str:
        """Return the next text message. Raises TimeoutError, or an exception of the connection's end."""

    async def receive(self) -> Json:
        """Return the next message, held to its schema; anything but a JSON object with a type is an error."""
        text = await self.receive_text()
        message = json.loads(text)
        assert isinstance(message, dict), text
        assert isinstance(message["type"], str), text
        check_message(message)
        if message["type"] != "error" and (command := self._asked.pop(message.get("id"), None)) is not None:
            check_accepted(command)
        self.heard.append(message)
        return message

    async def until(self, type_: str, where: Callable[[Json], object] = lambda _: True, /, **fields: Any) -> Json:
        """Return the next message of this type with these fields, skipping others."""
        for _ in range(MESSAGES_MAX):
            message = await self.receive()
            same = message["type"] == type_ and all(message.get(name) == value for name, value in fields.items())
            if same and where(message):
                return message
        raise AssertionError(f"no {type_} {fields} among {MESSAGES_MAX} messages")

    async def send(self, type_: str, **fields: Any) -> int:
        """Send a command; return its id, which is a new one unless given."""
        id_ = fields.pop("id", self._next_id)
        self._next_id += 1
        command = {"type": type_, "id": id_} | fields
        if isinstance(id_, int | str):
            self._asked[id_] = command
        await self.send_text(json.dumps(command))
        return id_

    async def ask(self, type_: str, **fields: Any) -> Json:
        """Send a command; return the answer with its id, skipping what was under way before."""
        id_ = await self.send(type_, **fields)
        for _ in range(MESSAGES_MAX):
            message = await self.receive()
            if message.get("id") == id_:
                return message
        raise AssertionError(f"no answer to {type_} {fields}")

    async def refused(self, type_: str, code: int, **fields: Any) -> Json:
        """Send a command that must be answered with this error code; return the error."""
        answer = await self.ask(type_, **fields)
        assert answer["type"] == "error", answer
        assert answer["code"] == code, answer
        assert isinstance(answer["message"], str) and answer["message"], answer
        assert isinstance(answer["temporary"], bool), answer
        return answer

    async def subscribe(self, stream: str, metrics: list[str], **fields: Any) -> tuple[Json, Json]:
        """Subscribe; return the ack and the snapshot, which nothing else may part except gaps."""
        ack = await self.ask("subscribe", stream=stream, metrics=metrics, **fields)
        assert ack["type"] == "ack", ack
        return ack, await self.snapshot(ack)

    async def snapshot(self, ack: Json) -> Json:
        """Return the snapshot that follows this ack."""
        while (message := await self.receive())["type"] == "gap":
            assert message["group"] == ack["group"]
        assert message["type"] == "snapshot", message
        assert message["group"] == ack["group"]
        assert message["offset"] == ack["offset"]
        return message

    async def data(self, group: int, count: int = 1) -> list[Json]:
        """Return the next data messages of a group, skipping other messages."""
        return [await self.until("data", group=group) for _ in range(count)]

    async def pong(self) -> list[Json]:
        """Return all that arrives before the answer to a ping: whatever was due before has arrived then."""
        begin = len(self.heard)
        answer = await self.ask("ping")
        assert answer["type"] == "pong", answer
        return self.heard[begin:-1]


class Client(Talker):
    """A socket of the websockets library."""

    def __init__(self, connection: ClientConnection) -> None:
        super().__init__()
        self.connection = connection

    async def send_text(self, text: str) -> None:
        async with asyncio.timeout(TIMEOUT_S):
            await self.connection.send(text)

    async def receive_text(self) -> str:
        async with asyncio.timeout(TIMEOUT_S):
            message = await self.connection.recv()
        assert isinstance(message, str), message
        return message


class BinaryClient(Client):
    """A socket whose data frames are binary: each is heard as the JSON that would say the same."""

    binary_frames = 0

    async def receive_text(self) -> str:
        async with asyncio.timeout(TIMEOUT_S):
            message = await self.connection.recv()
        if isinstance(message, str):
            assert json.loads(message)["type"] != "data", message
            return message
        self.binary_frames += 1
        return as_json(message)


def as_json(data: bytes) -> str:
    """Return the text that says the same as a binary data frame."""
    frame = decode(data)
    values = [None if math.isnan(value) else value for value in frame.values]
    said: Json = {"type": "data", "group": frame.group, "offset": frame.offset, "time": frame.time_ms}
    if frame.changed is None:
        return json.dumps(said | {"values": values})
    return json.dumps(said | {"changed": dict(zip(map(str, frame.changed), values, strict=True))})


@asynccontextmanager
async def plain_client(server: Server) -> AsyncIterator[Client]:
    """A socket that asks for no subprotocol."""
    async with connect(server.ws_url, open_timeout=TIMEOUT_S, max_size=2**26, max_queue=4096, proxy=None) as connection:
        yield Client(connection)


@asynccontextmanager
async def client(server: Server, protocol: str = PROTOCOL) -> AsyncIterator[Client]:
    """A socket that speaks the protocol, in JSON or with binary data, and has been welcomed."""
    async with connect(
        server.ws_url,
        subprotocols=[Subprotocol(protocol)],
        open_timeout=TIMEOUT_S,
        max_size=2**26,
        max_queue=4096,
        proxy=None,
    ) as connection:
        assert connection.subprotocol == protocol
        one = (Client if protocol == PROTOCOL else BinaryClient)(connection)
        assert (await one.receive())["type"] == "welcome"
        yield one


class Vitals:
    """What the server counts about itself, seen over a socket of its own."""

    def __init__(self, one: Client, mirror: Mirror) -> None:
        self._client = one
        self._mirror = mirror

    @property
    def now(self) -> dict[str, float | None]:
        """The newest readings by the metrics' names without `vitalcast.`."""
        names = [series["name"].removeprefix("vitalcast.") for series in self._mirror.series]
        return dict(zip(names, self._mirror.values, strict=True))

    async def until(self, **expected: float) -> None:
        """Wait until the server counts this: `socket_count=1` is `vitalcast.socket.count`."""
        wanted = {name.replace("_count", ".count").replace("_closed", ".closed"): n for name, n in expected.items()}
        try:
            async with asyncio.timeout(TIMEOUT_S):
                while not wanted.items() <= self.now.items():
                    self._mirror.feed(await self._client.receive())
        except TimeoutError:
            raise AssertionError(f"expected {wanted}, the server counts {self.now}") from None


@asynccontextmanager
async def vitals(server: Server) -> AsyncIterator[Vitals]:
    """Watch what the server counts; one socket, one group and one stream of that are the watcher's."""
    names = ["socket.count", "group.count", "stream.count", "socket.closed_slow"]
    async with client(server) as one:
        ack, snapshot = await one.subscribe("vitals", [f"vitalcast.{name}" for name in names], interval=0.1)
        mirror = Mirror(ack["group"])
        mirror.feed(snapshot)
        yield Vitals(one, mirror)


@dataclass
class Tick:
    offset: int
    time: int
    values: list[float | None]


@dataclass
class Mirror:
    """What a client knows of one group. Every message of it must fit to those before."""

    group: int
    offset: int = -1
    time: int = -1
    series: list[Json] = field(default_factory=list)
    values: list[float | None] = field(default_factory=list)
    ticks: list[Tick] = field(default_factory=list)  # those that came as data
    gaps: list[Json] = field(default_factory=list)
    changed_messages: int = 0
    whole_messages: int = 0
    started: bool = False

    def feed(self, message: Json) -> None:
        """Take in a message; those of other groups are left alone."""
        if message.get("group") != self.group:
            return
        match message["type"]:
            case "snapshot":
                self.series = message["series"]
                self.offset, self.time = message["offset"], message["time"]
                assert len(message["values"]) % max(1, len(self.series)) == 0
                assert {len(column) for column in message["values"]} <= {len(message["times"])}
                if message["times"]:
                    self.values = [column[-1] for column in message["values"]]
                self.started = True
            case "series":
                self.series = message["series"]
                self.values = []
            case "data":
                self._data(message)
            case "gap":
                assert message["from"] <= message["to"], message
                self.gaps.append(message)

    def _data(self, message: Json) -> None:
        assert self.started, message
        assert message["offset"] > self.offset, (self.offset, message)
        if "changed" in message:
            assert "values" not in message
            self.changed_messages += 1
            for position, value in message["changed"].items():
                self.values[int(position)] = value
        else:
            self.whole_messages += 1
            assert len(message["values"]) % max(1, len(self.series)) == 0, message
            self.values = message["values"]
        self.offset, self.time = message["offset"], message["time"]
        self.ticks.append(Tick(self.offset, self.time, list(self.values)))

    def holes(self, start: int, *why: str) -> list[int]:
        """Return the offsets after `start` that neither data accounts for, nor a gap by the sampler or for `why`."""
        said = {tick.offset for tick in self.ticks}
        for gap in self.gaps:
            if gap["why"] in ("sampler", *why):
                said.update(range(gap["from"], gap["to"] + 1))
        return [offset for offset in range(start + 1, self.offset + 1) if offset not in said]


class Witness:
    """A client of its own socket that reads all the time and must not notice what others do."""

    def __init__(self, one: Client, mirror: Mirror, start: int) -> None:
        self.client = one
        self.mirror = mirror
        self.start = start
        self._arrived = asyncio.Event()

    async def read(self) -> None:
        while True:
            self.mirror.feed(await self.client.receive())
            self.client.heard.clear()
            self._arrived.set()

    async def ticks(self, count: int) -> list[Tick]:
        """Wait until so many more ticks have arrived; return them."""
        begin = len(self.mirror.ticks)
        async with asyncio.timeout(TIMEOUT_S):
            while len(self.mirror.ticks) < begin + count:
                self._arrived.clear()
                await self._arrived.wait()
        return self.mirror.ticks[begin : begin + count]


@asynccontextmanager
async def witness(server: Server, *, metrics: str = "vitalcast.>", interval: float = 0.1) -> AsyncIterator[Witness]:
    """Watch every tick while the block lasts: none may be missing in the end, and two more must come.

    `interval` is the shortest that the server allows, so that every tick is due.
    """
    async with client(server) as one:
        ack, snapshot = await one.subscribe("witness", [metrics], interval=interval)
        mirror = Mirror(ack["group"])
        mirror.feed(snapshot)
        result = Witness(one, mirror, snapshot["offset"])
        task = asyncio.create_task(result.read())
        try:
            yield result
            more = asyncio.create_task(result.ticks(2))
            await asyncio.wait([more, task], return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                more.cancel()
                await task
            await more
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        # By ASGI a socket counts as slow where its process had no time between two ticks.
        excused = () if server.variant is Variant.FAST else ("slow",)
        assert mirror.holes(result.start, *excused) == []
        assert [gap for gap in mirror.gaps if gap["why"] not in ("sampler", *excused)] == []

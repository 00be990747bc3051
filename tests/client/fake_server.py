"""Servers that say what a test has them say, and who follows them."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve
from websockets.typing import Subprotocol

from vitalcast.client.protocol import News, Protocol
from vitalcast.client.streams import MetricStream
from vitalcast.client.ticks import Gap, Tick
from vitalcast.core.vocabulary import SUBPROTOCOL

Turn = Callable[[ServerConnection], None]

TLS = Path(__file__).parents[1] / "web" / "tls"
CPU = {"name": "system.cpu.utilization", "unit": "1", "attributes": {"cpu.mode": "user"}}
MEMORY = {"name": "system.memory.usage", "unit": "By", "attributes": {}}
CPU_KEY = 'system.cpu.utilization{cpu.mode="user"}'


class FakeServer:
    """A WebSocket server whose connections each do the next of the given turns. Keeps the commands it got."""

    def __init__(self, url: str, turns: list[Turn]) -> None:
        self.url = url
        self.commands: list[dict[str, Any]] = []
        self._turns = deque(turns)

    def handle(self, connection: ServerConnection) -> None:
        try:
            send(connection, type="welcome", time=0)
            connection.asked = json.loads(connection.recv())
            self.commands.append(connection.asked)
            self._turns.popleft()(connection)
        except ConnectionClosed:
            pass


@contextmanager
def fake_server(
    *turns: Turn, subprotocol: str | None = SUBPROTOCOL, ssl: ssl.SSLContext | None = None
) -> Iterator[FakeServer]:
    fake = FakeServer("", list(turns))
    subprotocols = None if subprotocol is None else [Subprotocol(subprotocol)]
    server = serve(fake.handle, "127.0.0.1", 0, subprotocols=subprotocols, close_timeout=1, ssl=ssl)
    fake.url = f"ws://127.0.0.1:{server.socket.getsockname()[1]}/ws"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield fake
    finally:
        server.shutdown()
        thread.join()


def send(connection: ServerConnection, **message: Any) -> None:
    connection.send(json.dumps(message))


def refuse(connection: ServerConnection, **error: Any) -> None:
    send(connection, type="error", id=connection.asked["id"], **error)


def ack(connection: ServerConnection, *, epoch: str = "e1", offset: int = 10, recovered: bool = False) -> None:
    send(
        connection,
        type="ack",
        id=connection.asked["id"],
        stream=connection.asked["stream"],
        group=7,
        epoch=epoch,
        offset=offset,
        interval=1.0,
        series=2,
        recovered=recovered,
    )


def snapshot(
    connection: ServerConnection,
    *,
    times: tuple[int, ...] = (10_000,),
    values: tuple[tuple[float | None, ...], ...] = ((0.25,), (1024,)),
    offset: int = 10,
) -> None:
    send(
        connection,
        type="snapshot",
        group=7,
        offset=offset,
        time=offset * 1000,
        series=[CPU, MEMORY],
        times=times,
        values=values,
    )


def opening(connection: ServerConnection, offset: int = 10) -> None:
    ack(connection, offset=offset)
    snapshot(connection, times=(offset * 1000,), offset=offset)


def data(connection: ServerConnection, offset: int, **content: Any) -> None:
    send(connection, type="data", group=7, offset=offset, time=offset * 1000, **content)


def stay(connection: ServerConnection) -> None:
    """Keep the connection until the client goes."""
    opening(connection)
    for _ in connection:
        pass


def stream(connection: ServerConnection) -> None:
    """Send ticks until the client goes."""
    opening(connection)
    offset = 10
    while True:
        offset += 1
        data(connection, offset, values=[0.5, 2048])


def following(*metrics: str, **fields: Any) -> Protocol:
    """Return a client that follows one stream, which has begun with a snapshot of nothing."""
    protocol = Protocol()
    protocol.add(MetricStream, {"metrics": list(metrics or ("x",)), **fields})
    protocol.connected()
    protocol.receive(json.dumps({"type": "ack", "id": 1, "group": 7, "epoch": "e", "offset": 1, "interval": 1.0}))
    protocol.receive(
        json.dumps({"type": "snapshot", "group": 7, "offset": 1, "time": 1, "series": [], "times": [], "values": []})
    )
    return protocol


def ticks_of(protocol: Protocol, text: str) -> list[Tick]:
    return [one.item for one in protocol.receive(text) if isinstance(one, News)]


@contextmanager
def raw_server(*answers: bytes) -> Iterator[str]:
    """A server that answers each connection with the next of these bytes and closes it, the last again and again."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        left = deque(answers)

        def serve() -> None:
            while True:
                try:
                    peer, _ = listening.accept()
                except OSError:
                    return
                with peer, suppress(OSError):
                    peer.recv(65536)
                    peer.sendall(left.popleft() if len(left) > 1 else left[0])
                    peer.shutdown(socket.SHUT_WR)
                    peer.recv(65536)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"ws://127.0.0.1:{listening.getsockname()[1]}/ws"
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()


def answer(status: str, body: str = "", *headers: str) -> bytes:
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return ("\r\n".join(head) + "\r\n\r\n" + body).encode()


class Recorder:
    """A sink that keeps what it is given."""

    def __init__(self) -> None:
        self.events: list[Any] = []
        self.statuses: list[str] = []

    def tick(self, tick: Tick) -> None:
        self.events.append(tick.offset)

    def gap(self, gap: Gap) -> None:
        self.events.append(gap)

    def status(self, text: str) -> None:
        self.statuses.append(text)

    def idle(self) -> None:
        pass

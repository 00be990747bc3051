"""Servers to compare with: each sends the same text to all of its sockets at an interval.

`seed` is the ConnectionManager of many a FastAPI tutorial under uvicorn, `websockets` is `websockets.broadcast`, and
`write` is a bare loop over `os.write`, for machines without a C compiler. Prints the port.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import resource
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable

from fastapi import FastAPI, WebSocket, WebSocketDisconnect

BACKLOG = 4096


class ConnectionManager:
    """As the tutorial has it, made to run: nothing there awaits `disconnect`, so here it is a plain function.

    The text that tells the others of a client's leaving is left out, as it belongs to no frame that is measured.
    """

    def __init__(self) -> None:
        self.active_connections: list[WebSocket] = []

    async def connect(self, websocket: WebSocket) -> None:
        await websocket.accept()
        self.active_connections.append(websocket)

    def disconnect(self, websocket: WebSocket) -> None:
        self.active_connections.remove(websocket)

    async def send_personal_message(self, message: str, websocket: WebSocket) -> None:
        await websocket.send_text(message)

    async def broadcast(self, message: str) -> None:
        for connection in list(self.active_connections):
            await connection.send_text(message)


def seed_app(interval_s: float, text: str) -> FastAPI:
    manager = ConnectionManager()

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        task = asyncio.create_task(every(interval_s, lambda: manager.broadcast(text)))
        yield
        task.cancel()

    app = FastAPI(lifespan=lifespan)

    @app.websocket("/ws")
    async def websocket_endpoint(websocket: WebSocket) -> None:
        await manager.connect(websocket)
        try:
            while True:
                data = await websocket.receive_text()
                await manager.send_personal_message(f"Message text was: {data}", websocket)
        except WebSocketDisconnect:
            manager.disconnect(websocket)

    return app


async def every(interval_s: float, send: Callable[[], Awaitable[None]]) -> None:
    """Call `send` at absolute times; those that have passed are left out."""
    now_s = asyncio.get_running_loop().time
    due_s = now_s()
    while True:
        await send()
        due_s += interval_s * max(1, -(-(now_s() - due_s) // interval_s))
        await asyncio.sleep(due_s - now_s())


def run_seed(listener: socket.socket, interval_s: float, text: str) -> None:
    import uvicorn

    # Its defaults, but for the pings, which nobody here sends, and uvloop, which `pip install uvicorn` leaves out.
    config = uvicorn.Config(seed_app(interval_s, text), loop="asyncio", log_level="error", ws_ping_interval=None)
    uvicorn.Server(config).run(sockets=[listener])


async def run_websockets(listener: socket.socket, interval_s: float, text: str) -> None:
    from websockets.asyncio.server import ServerConnection, broadcast, serve

    async def handle(connection: ServerConnection) -> None:
        await connection.wait_closed()

    async def send() -> None:
        broadcast(server.connections, text)

    async with serve(handle, sock=listener, ping_interval=None, compression=None) as server:
        await every(interval_s, send)


async def run_write(listener: socket.socket, interval_s: float, text: str) -> None:
    """Not a server to use: it trusts its peers and closes nothing."""
    loop = asyncio.get_running_loop()
    size = len(text)
    head = bytes((0x81, size)) if size < 126 else b"\x81\x7e" + size.to_bytes(2, "big")
    frame = head + text.encode()
    peers: list[socket.socket] = []

    async def accept() -> None:
        while True:
            peer, _ = await loop.sock_accept(listener)
            await loop.sock_recv(peer, 4096)
            await loop.sock_sendall(peer, b"HTTP/1.1 101 Switching Protocols\r\n\r\n")
            peers.append(peer)

    async def send() -> None:
        for peer in peers:
            with contextlib.suppress(OSError):
                os.write(peer.fileno(), frame)

    await asyncio.gather(accept(), every(interval_s, send))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=("seed", "websockets", "write"))
    parser.add_argument("--interval", type=float, default=0.1, metavar="SECONDS")
    parser.add_argument("--bytes", type=int, default=300)
    parser.add_argument("--port", type=int, default=0)
    options = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    listener = socket.create_server(("127.0.0.1", options.port), backlog=BACKLOG)
    listener.setblocking(False)
    sys.stdout.write(f"{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    text = "x" * options.bytes
    if options.kind == "seed":
        run_seed(listener, options.interval, text)
    else:
        asyncio.run({"websockets": run_websockets, "write": run_write}[options.kind](listener, options.interval, text))


if __name__ == "__main__":
    main()

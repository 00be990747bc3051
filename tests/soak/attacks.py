"""Clients that mean harm, one sort a function. Each goes on until its time is up, and comes back when it is thrown out.

A process of its own for each: `python -m tests.soak.attacks pings --port 8000 --address 127.0.0.10 --seconds 60`.
It imports nothing but the standard library and the load client, and its target is always this machine.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import random
import select
import signal
import socket
import time
from collections.abc import Callable, Iterator

from tests.bench.drain import masked, request

HOST = "127.0.0.1"
PAUSE_S = 0.2  # before it comes back
LOOK_S = 0.5
BUFFER_BYTES = 1 << 16
PROTOCOL = "vitalcast.v1.json"
CONTINUATION, TEXT, FIRST_TEXT, PING = 0x00, 0x81, 0x01, 0x89


class Gone(Exception):  # no fault: it is what the server should do
    """The server has closed the connection, or takes no more."""


class Peer:
    """One connection of an attacker, from an address of its own."""

    def __init__(self, attacker: Attacker, *, websocket: bool = False) -> None:
        attacker.connections += 1
        self._attacker = attacker
        self.socket = socket.socket()
        try:
            self.socket.bind((attacker.address, 0))
            self.socket.settimeout(10)
            self.socket.connect((HOST, attacker.port))
            if websocket:
                self.socket.sendall(request(HOST, attacker.port, "/ws", PROTOCOL))
                if b" 101 " not in self.socket.recv(4096):
                    raise Gone
            self.socket.setblocking(False)
        except OSError as error:
            self.socket.close()
            raise Gone from error
        except Gone:
            self.socket.close()
            raise

    def push(self, data: bytes, *, reads: bool = True) -> None:
        """Send all of it, reading meanwhile or never. Raises Gone, and TimeoutError when the time is up."""
        view = memoryview(data)
        while view:
            self._attacker.check_time()
            readable, writable, _ = select.select([self.socket] if reads else [], [self.socket], [], LOOK_S)
            try:
                if readable:
                    self.read()
                if writable:
                    sent = self.socket.send(view)
                    self._attacker.bytes += sent
                    view = view[sent:]
            except BlockingIOError:
                continue
            except OSError as error:
                raise Gone from error

    def read(self) -> None:
        """Take what has come. Raises Gone at the end."""
        try:
            if not self.socket.recv(BUFFER_BYTES):
                raise Gone
        except BlockingIOError:
            pass
        except OSError as error:
            raise Gone from error

    def close(self) -> None:
        self.socket.close()


class Attacker:
    """What all its connections share: where it comes from, until when, and what it has done."""

    def __init__(self, port: int, address: str, seconds: float) -> None:
        self.port = port
        self.address = address
        self.connections = self.bytes = self.thrown_out = 0
        self._until_s = time.monotonic() + seconds

    def check_time(self) -> None:
        if time.monotonic() > self._until_s:
            raise TimeoutError

    def run(self, attack: Callable[[Attacker], None]) -> None:
        with contextlib.suppress(TimeoutError):
            while True:
                self.check_time()
                try:
                    attack(self)
                except Gone:
                    self.thrown_out += 1
                    time.sleep(PAUSE_S)

    @contextlib.contextmanager
    def peer(self, *, websocket: bool = False) -> Iterator[Peer]:
        one = Peer(self, websocket=websocket)
        try:
            yield one
        finally:
            one.close()

    def crowd(self, count: int, first: bytes = b"", *, websocket: bool = False, trickle: bytes = b"") -> None:
        """Hold so many connections that never read, each again when it is thrown out."""
        peers: list[Peer] = []
        try:
            while True:
                self.check_time()
                while len(peers) < count:
                    self.check_time()
                    try:
                        peers.append(Peer(self, websocket=websocket))
                        if first:
                            peers[-1].socket.send(first)
                    except (Gone, OSError):
                        time.sleep(PAUSE_S)
                        break
                time.sleep(LOOK_S)
                for one in list(peers):
                    try:
                        if trickle:
                            one.socket.send(trickle)
                        if websocket or trickle:
                            alive = bool(one.socket.recv(1, socket.MSG_PEEK))
                        else:
                            alive = bool(one.socket.recv(BUFFER_BYTES))
                    except BlockingIOError:
                        alive = True
                    except OSError:
                        alive = False
                    if not alive:
                        self.thrown_out += 1
                        one.close()
                        peers.remove(one)
        finally:
            for one in peers:
                one.close()


def _http(path: str, *headers: str) -> bytes:
    return "\r\n".join([f"GET {path} HTTP/1.1", "Host: 127.0.0.1", *headers, "", ""]).encode()


def _command(type_: str, **fields: object) -> bytes:
    return masked(json.dumps({"type": type_, **fields}).encode())


def _subscribe(stream: str, metrics: list[str], **fields: object) -> bytes:
    return _command("subscribe", stream=stream, metrics=metrics, **fields)


def _flood(attacker: Attacker, chunk: bytes, *, websocket: bool, reads: bool = True, first: bytes = b"") -> None:
    with attacker.peer(websocket=websocket) as peer:
        peer.push(first, reads=reads)
        while True:
            peer.push(chunk, reads=reads)


def pipelined(attacker: Attacker) -> None:
    """Requests down one connection, none of whose answers it reads."""
    _flood(attacker, _http("/healthz") * 4000, websocket=False, reads=False)


def headers(attacker: Attacker) -> None:
    """One request whose headers never end."""
    line = b"X-Header: " + b"x" * 200 + b"\r\n"
    _flood(attacker, line * 200, websocket=False, first=b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n")


def slow(attacker: Attacker) -> None:
    """Hundreds of requests that come a byte at a time."""
    attacker.crowd(300, b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ", trickle=b"x")


def silent(attacker: Attacker) -> None:
    """Hundreds of connections that say nothing."""
    attacker.crowd(300)


def requests(attacker: Attacker) -> None:
    """The dearest answers there are, one after the other."""
    paths = itertools.cycle(["/api/v1/panels/cpu.svg", "/api/v1/panels/memory/figure", "/metrics"])
    with attacker.peer() as peer:
        while True:
            peer.push(_http(next(paths)) * 4)


def pings(attacker: Attacker) -> None:
    """The shortest pings there are."""
    _flood(attacker, masked(b"", opcode=PING) * 10_000, websocket=True)


def unread_pings(attacker: Attacker) -> None:
    """Pings whose pongs it does not read."""
    _flood(attacker, masked(b"x" * 100, opcode=PING) * 1000, websocket=True, reads=False)


def fragments(attacker: Attacker) -> None:
    """One message of empty fragments."""
    chunk = masked(b"", opcode=CONTINUATION) * 10_000
    _flood(attacker, chunk, websocket=True, first=masked(b"", opcode=FIRST_TEXT))


def texts(attacker: Attacker) -> None:
    """Texts that are no commands."""
    _flood(attacker, masked(b"x", opcode=TEXT) * 8000, websocket=True)


def keys(attacker: Attacker) -> None:
    """Tables of thousands of keys, all of them wrong."""
    command = _command("table", stream="t", table="processes", keys=["x"] * 13_000)
    _flood(attacker, command * 4, websocket=True)


def replays(attacker: Attacker) -> None:
    """All that there is, again and again, of which little comes back."""
    with attacker.peer(websocket=True) as peer:
        for number in itertools.count():
            more = {"interval": 300, "backfill": 900, "aggregate": ["min", "max", "mean"]}
            peer.push(_subscribe(f"s{number}", [">"], **more) + _command("unsubscribe", stream=f"s{number}"))


def wildcards(attacker: Attacker) -> None:
    """A thousand subscriptions of 64 patterns each."""
    tokens = ["system", "*", "cpu", "memory", "disk", "network", "process", "io"]
    with contextlib.ExitStack() as stack:
        peers = [stack.enter_context(attacker.peer(websocket=True)) for _ in range(16)]
        while True:
            for stream in range(64):
                for peer in peers:
                    patterns = {f"*.{'.'.join(random.choices(tokens, k=3))}.>" for _ in range(60)}
                    peer.push(_subscribe(f"s{stream}", [*patterns, "system.cpu.*"], interval=10))
                    peer.read()
                attacker.check_time()
                time.sleep(0.02)
            time.sleep(5)
            for peer in peers:
                peer.push(b"".join(_command("unsubscribe", stream=f"s{stream}") for stream in range(40)))


def large(attacker: Attacker) -> None:
    """As many subscriptions of everything as it can have, no two of them equal."""
    with contextlib.ExitStack() as stack:
        peers = [stack.enter_context(attacker.peer(websocket=True)) for _ in range(8)]
        for stream in range(64):
            for number, peer in enumerate(peers):
                peer.push(_subscribe(f"s{stream}", [">"], interval=3 + (stream * 8 + number) / 10))
                peer.read()
            time.sleep(0.02)
        while True:
            attacker.check_time()
            for peer in peers:
                peer.read()
            time.sleep(0.1)


def backfills(attacker: Attacker) -> None:
    """A hundred long answers that nobody reads."""
    attacker.crowd(100, _subscribe("all", [">"], interval=0.1, backfill=900), websocket=True)


def handshakes(attacker: Attacker) -> None:
    """Sockets that come and go."""
    while True:
        attacker.check_time()
        with attacker.peer(websocket=True):
            pass


ATTACKS: dict[str, Callable[[Attacker], None]] = {
    attack.__name__: attack
    for attack in (
        pipelined,
        headers,
        slow,
        silent,
        requests,
        pings,
        unread_pings,
        fragments,
        texts,
        keys,
        replays,
        wildcards,
        large,
        backfills,
        handshakes,
    )
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("attack", choices=ATTACKS)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--address", default="127.0.0.10", help="where it comes from, on this machine")
    parser.add_argument("--seconds", type=float, default=60)
    options = parser.parse_args()
    os.nice(19)  # its own work must not be taken for the harm that it does
    signal.alarm(int(options.seconds) + 30)
    attacker = Attacker(options.port, options.address, options.seconds)
    attacker.run(ATTACKS[options.attack])
    fields = ("connections", "bytes", "thrown_out")
    print(json.dumps({name: getattr(attacker, name) for name in fields}), flush=True)


if __name__ == "__main__":
    main()

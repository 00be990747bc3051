"""A load client: opens many WebSockets to one server on this machine and reads them as cheaply as Python can.

With `--events` they are responses of server-sent events instead, and each chunk of the body counts as a frame.

It runs in a process of its own and imports nothing but the standard library. Commands come as lines on standard
input, each is answered by one line of JSON; the end of standard input ends it. `common.Drain` drives it.

    open [TEXT]     open all sockets, send TEXT on each; answered when each has got a data frame; of a JSON array of
                    texts each socket sends one, dealt out evenly
    count           frames, bytes, lost sockets and own CPU time so far
    trace on|off    note when each distinct frame reached its first and its last socket
    ticks           what was noted since the last time
    drop            close all sockets
"""

from __future__ import annotations

import argparse
import json
import resource
import select
import signal
import socket
import sys
import time
from typing import Any, Final

BUFFER_BYTES: Final = 1 << 18
HANDSHAKES_MAX: Final = 256  # below the backlog of every server that is measured
TICKS_MAX: Final = 10_000
PORTS_PER_ADDRESS: Final = 20_000
IP_BIND_ADDRESS_NO_PORT: Final = 24  # linux/in.h; the socket module has no name for it
RECOVERED_MARK: Final = b'"recovered":true'
DATA_MARKS: Final = (b'"type":"data"', b'"type":"metrics"')
EVENT_MARKS: Final = (b"event: data", b"event: metrics")


class Drain:
    """N sockets in one epoll; frames are counted by their headers and their payload is thrown away."""

    def __init__(
        self,
        host: str,
        port: int,
        count: int,
        *,
        path: str,
        subprotocol: str,
        marks: tuple[bytes, ...],
        handshakes_max: int,
        events: bool,
    ) -> None:
        self.address = (host, port)
        self._events = events
        self._status, self._end_of = (b" 200 ", _chunk_end) if events else (b" 101 ", _frame_end)
        self.count = count
        self.frames = self.bytes = self.lost = self.recovered = 0
        self.tracing = False
        self._marks = marks
        self._handshakes_max = handshakes_max
        self._request = plain_request(host, port, path) if events else request(host, port, path, subprotocol)
        self._firsts = [b""]
        self._epoll = select.epoll()
        self._epoll.register(sys.stdin.fileno(), select.EPOLLIN)
        self._buffer = bytearray(BUFFER_BYTES)
        self._view = memoryview(self._buffer)
        self._sockets: dict[int, socket.socket] = {}
        self._recv: dict[int, Any] = {}
        self._rest: dict[int, bytes] = {}  # the begun frame of a socket
        self._shaking: dict[int, bytes] = {}
        self._waiting: set[int] = set()  # for their first data frame
        self._to_open = 0
        self._opened_s = self._shaken_s = 0.0
        self._ticks: dict[bytes, list[int]] = {}
        self._commands = b""

    # --- commands ------------------------------------------------------------------------------------------------

    def run(self) -> None:
        poll, recv, handle = self._epoll.poll, self._recv, self._slowly
        buffer, view, rest, shaking, waiting = self._buffer, self._view, self._rest, self._shaking, self._waiting
        while True:
            for fd, _ in poll(maxevents=512):
                if fd == 0:
                    if not self._read_commands():
                        return
                    continue
                try:
                    size = recv[fd](buffer)
                except BlockingIOError:
                    continue
                except KeyError:  # dropped since the poll
                    continue
                except OSError:
                    size = 0
                # The usual case by far: exactly one text or binary frame of less than 64 KiB.
                if size > 4 and 0x80 < buffer[0] < 0x83 and fd not in rest and fd not in shaking and fd not in waiting:
                    short = buffer[1]
                    if size == (short + 2 if short < 126 else (buffer[2] << 8) + buffer[3] + 4):
                        self.frames += 1
                        self.bytes += size
                        if self.tracing:
                            self._note(bytes(view[:size]))
                        continue
                handle(fd, size)

    def _read_commands(self) -> bool:
        chunk = sys.stdin.buffer.raw.read(65536)  # type: ignore[attr-defined]
        if not chunk:
            return False
        *lines, self._commands = (self._commands + chunk).split(b"\n")
        for line in lines:
            name, _, argument = line.decode().partition(" ")
            getattr(self, f"do_{name}")(argument)
        return True

    def do_open(self, text: str) -> None:
        texts = json.loads(text) if text.startswith("[") else [text]
        self._firsts = [masked(one.encode()) if one else b"" for one in texts]
        self._opened_s = time.monotonic()
        self._to_open = self.count
        self.recovered = 0
        self._open_more()

    def do_count(self, _: str) -> None:
        usage = resource.getrusage(resource.RUSAGE_SELF)
        cpu_s = usage.ru_utime + usage.ru_stime
        say(frames=self.frames, bytes=self.bytes, lost=self.lost, open=len(self._sockets), cpu_s=cpu_s)

    def do_trace(self, argument: str) -> None:
        self.tracing = argument == "on"
        self._ticks.clear()
        say(tracing=self.tracing)

    def do_ticks(self, _: str) -> None:
        ticks, self._ticks = self._ticks, {}
        found = [_described(frame, *seen) for frame, seen in ticks.items()]
        say(ticks=[tick for tick in found if tick is not None])

    def do_drop(self, _: str) -> None:
        for fd in list(self._sockets):
            self._forget(fd)
        say(open=len(self._sockets))

    # --- sockets -------------------------------------------------------------------------------------------------

    def _open_more(self) -> None:
        while self._to_open and len(self._shaking) < self._handshakes_max:
            # An address has 28,000 ports for one server. Without the option, bind would take one from all servers.
            source = f"127.0.0.{1 + (self.count - self._to_open) // PORTS_PER_ADDRESS}"
            self._to_open -= 1
            peer = socket.socket()
            peer.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
            peer.bind((source, 0))
            peer.connect(self.address)
            peer.sendall(self._request)
            peer.setblocking(False)
            fd = peer.fileno()
            self._sockets[fd] = peer
            self._recv[fd] = peer.recv_into
            self._shaking[fd] = b""
            self._waiting.add(fd)
            self._epoll.register(fd, select.EPOLLIN)

    def _forget(self, fd: int) -> None:
        self._epoll.unregister(fd)
        del self._recv[fd]
        self._rest.pop(fd, None)
        self._shaking.pop(fd, None)
        self._waiting.discard(fd)
        self._sockets.pop(fd).close()

    def _slowly(self, fd: int, size: int) -> None:
        """Handle what is not exactly one text frame."""
        if size == 0:
            self.lost += 1
            self._forget(fd)
            return
        data = bytes(self._view[:size])
        data = self._shake(fd, data) if fd in self._shaking else self._rest.pop(fd, b"") + data
        while (end := self._end_of(data)) and end <= len(data):
            self._take(fd, data[:end])
            data = data[end:]
        if data:
            self._rest[fd] = data

    def _shake(self, fd: int, data: bytes) -> bytes:
        """Go on with a handshake; return what follows the response."""
        head, end, data = (self._shaking[fd] + data).partition(b"\r\n\r\n")
        if not end:
            self._shaking[fd] = head
            return b""
        if self._status not in head.split(b"\r\n", 1)[0]:
            raise SystemExit(f"drain: the server answered {head[:80]!r}")
        del self._shaking[fd]
        if first := self._firsts[fd % len(self._firsts)]:
            self._sockets[fd].send(first)
        self._open_more()
        if not self._shaking:
            self._shaken_s = time.monotonic()
        return data

    def _take(self, fd: int, frame: bytes) -> None:
        if frame[0] == 0x89 and not self._events:  # RFC 6455 5.5.2: an endpoint MUST send a Pong frame in response
            self._sockets[fd].send(masked(frame[2:], opcode=0x8A))
            return
        if frame[0] not in (0x81, 0x82) and not self._events:
            return
        self.frames += 1
        self.bytes += len(frame)
        if self.tracing:
            self._note(frame)
        if fd not in self._waiting:
            return
        self.recovered += RECOVERED_MARK in frame
        if not self._marks or frame[0] == 0x82 or any(mark in frame[:96] for mark in self._marks):
            self._waiting.remove(fd)
            if not self._waiting and not self._to_open:
                now_s = time.monotonic()
                say(
                    open=len(self._sockets),
                    recovered=self.recovered,
                    handshakes_s=self._shaken_s - self._opened_s,
                    live_s=now_s - self._opened_s,
                )

    def _note(self, frame: bytes) -> None:
        now_ns = time.time_ns()
        seen = self._ticks.get(frame)
        if seen is not None:
            seen[0] += 1
            seen[2] = now_ns
        elif len(self._ticks) < TICKS_MAX:
            self._ticks[frame] = [1, now_ns, now_ns]


def plain_request(host: str, port: int, path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode()


def request(host: str, port: int, path: str, subprotocol: str) -> bytes:
    lines = [
        f"GET {path} HTTP/1.1",
        f"Host: {host}:{port}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Key: dml0YWxjYXN0LWJlbmNoIQ==",
        "Sec-WebSocket-Version: 13",
    ]
    if subprotocol:
        lines.append(f"Sec-WebSocket-Protocol: {subprotocol}")
    return "\r\n".join([*lines, "", ""]).encode()


def masked(payload: bytes, *, opcode: int = 0x81) -> bytes:
    """Return a client's frame, masked with a key of zeros, which leaves the payload as it is."""
    size = len(payload)
    head = bytes((opcode, 0x80 | size)) if size < 126 else bytes((opcode, 0xFE)) + size.to_bytes(2, "big")
    return head + b"\0\0\0\0" + payload


def _frame_end(data: bytes) -> int:
    """Return where the frame that begins here ends, 0 where its header is not whole yet."""
    if len(data) < 2:
        return 0
    short, head = data[1] & 0x7F, _head_bytes(data)
    if short < 126:
        return head + short
    return head + int.from_bytes(data[2:head], "big") if len(data) >= head else 0


def _chunk_end(data: bytes) -> int:
    """Return where the chunk that begins here ends, 0 where its size is not whole yet."""
    end = data.find(b"\r\n")
    return end + 4 + int(data[:end], 16) if end > 0 else 0


def _head_bytes(frame: bytes) -> int:
    """Return how many bytes come before the payload of a server's frame."""
    short = frame[1] & 0x7F
    return 2 if short < 126 else 4 if short == 126 else 10


def _described(frame: bytes, sockets: int, first_ns: int, last_ns: int) -> dict[str, int] | None:
    """Return one traced tick, None for frames without a time and an offset."""
    try:
        message = json.loads(frame[_head_bytes(frame) :])  # whose length may look like the payload's first byte
    except ValueError:
        return None
    if message.get("type") != "data":
        return None
    return {
        "time_ms": message["time"],
        "offset": message["offset"],
        "sockets": sockets,
        "first_ns": first_ns,
        "last_ns": last_ns,
    }


def say(**fields: Any) -> None:
    sys.stdout.write(json.dumps(fields) + "\n")
    sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--sockets", type=int, required=True)
    parser.add_argument("--path", default="/ws")
    parser.add_argument("--subprotocol", default="")
    parser.add_argument("--any", action="store_true", help="any frame makes a socket live, not only one with data")
    parser.add_argument("--events", action="store_true", help="server-sent events, at --path")
    parser.add_argument("--handshakes-max", type=int, default=HANDSHAKES_MAX, help="so many at once")
    parser.add_argument("--seconds-max", type=int, default=300, help="the process ends itself after this")
    options = parser.parse_args()
    signal.alarm(options.seconds_max)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if options.sockets + 100 > hard:
        raise SystemExit(f"drain: {options.sockets} sockets, and this process may open {hard} files")
    Drain(
        options.host,
        options.port,
        options.sockets,
        path=options.path,
        subprotocol=options.subprotocol,
        marks=() if options.any else EVENT_MARKS if options.events else DATA_MARKS,
        handshakes_max=options.handshakes_max,
        events=options.events,
    ).run()


if __name__ == "__main__":
    main()

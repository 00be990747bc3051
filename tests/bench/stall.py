"""Clients that take nothing: with their kernels' buffers full, a server can write nothing more to them."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator
from pathlib import Path

from tests.bench import common
from tests.bench.common import progress
from tests.bench.drain import masked, request

STALL_S = 30.0
LISTS = 20  # whose answers fill the kernel's buffer at once
CHECK_S = 0.3


@contextlib.contextmanager
def stalled(port: int, clients: int, text: str) -> Iterator[None]:
    """Hold clients that subscribe with `text` and read no byte, from when the server can write nothing more to them."""
    with contextlib.ExitStack() as stack:
        peers = [_subscribe(stack.enter_context(socket.socket()), port, text) for _ in range(clients)]
        ports = {peer.getsockname()[1] for peer in peers}
        due_s = time.monotonic() + STALL_S
        before: dict[int, int] = {}
        while (unsent := unsent_bytes(port, ports)) != before or not all(unsent.values()):
            if time.monotonic() > due_s:
                raise RuntimeError(f"the server still gets rid of its bytes after {STALL_S:g} s")
            before = unsent
            time.sleep(CHECK_S)
        progress(f"  {clients} stalled, with {sum(unsent.values())} bytes that the kernel holds back")
        yield


def _subscribe(peer: socket.socket, port: int, text: str) -> socket.socket:
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    peer.settimeout(5)
    peer.connect(("127.0.0.1", port))
    peer.sendall(request("127.0.0.1", port, "/ws", common.SUBPROTOCOL))
    peer.recv(1024)
    peer.sendall(masked(text.encode()))
    peer.sendall(masked(b'{"type":"list"}') * LISTS)
    return peer


def unsent_bytes(local_port: int, remote_ports: set[int]) -> dict[int, int]:
    """Return what the kernel holds for the peer of each connection (proc_pid_net: tx_queue)."""
    found = {}
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, local, remote, _, queues, *_ = line.split()
        port = int(remote[-4:], 16)
        if int(local[-4:], 16) == local_port and port in remote_ports:
            found[port] = int(queues.partition(":")[0], 16)
    if len(found) < len(remote_ports):
        raise RuntimeError(f"the server has closed {len(remote_ports) - len(found)} of the stalled clients")
    return found

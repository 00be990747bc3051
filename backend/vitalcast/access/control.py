"""Where commands find the running servers of this user: the sockets in a folder beside the tokens."""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from vitalcast.access.folder import check_folder, make_folder

SUPPORTED = hasattr(socket, "AF_UNIX") and os.name == "posix"
FOLDER = "servers"
SUFFIX = ".sock"
ADDRESS_BYTES_MAX = 103  # `sun_path` has 104 bytes on macOS and 108 on Linux, with a NUL at its end
ANSWER_BYTES_MAX = 1 << 20
LOOK_S = 0.5
ASK = "ask"  # a request to the HTTP API, as the admin
HEAD_BYTES_MAX = 65_536
CHUNK_BYTES_MAX = 1 << 24


def make_control_folder(folder: Path) -> None:
    """Make the folder for this user alone. Raises ConfigError where it cannot be, or where others may write there."""
    make_folder(folder.parent)
    make_folder(folder)


def sockets_in(folder: Path) -> list[Path]:
    """Return the sockets there. Raises ConfigError where others may put some there, and OSError."""
    check_folder(folder)
    return sorted(folder.glob(f"*{SUFFIX}"))


@contextmanager
def address_of(path: Path) -> Iterator[str]:
    """Give the address of a socket's path, however long that is. Raises OSError where that cannot be done."""
    if len(os.fsencode(path)) <= ADDRESS_BYTES_MAX:
        yield str(path)
        return
    if sys.platform != "linux":
        raise OSError(f"the path {path} is too long for a socket")
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def is_answered(path: Path) -> bool:
    """Say whether a server listens there: one that has ended leaves its socket behind."""
    try:
        _connected(path, LOOK_S).close()
    except (ConnectionRefusedError, FileNotFoundError):
        return False
    except OSError:  # one that is too busy to answer is there
        return True
    return True


def ask(path: Path, request: Mapping[str, Any], *, timeout_s: float) -> dict[str, Any]:
    """Return a server's answer. Raises OSError, and ValueError where it makes no sense."""
    with _connected(path, timeout_s) as connection:
        connection.sendall(json.dumps(request).encode() + b"\n")
        connection.shutdown(socket.SHUT_WR)
        received = bytearray()
        while chunk := connection.recv(65_536):
            received += chunk
            if len(received) > ANSWER_BYTES_MAX:
                raise ValueError("the answer is too long")
    answer = json.loads(received)
    if not isinstance(answer, dict):
        raise ValueError("the answer is no object")
    return answer


class Asked:
    """The answer of the API to one request: `status` and `content_type` as HTTP has them, and the body in parts.

    A context manager. To leave it early has the server stop. Raises OSError, and ValueError where it makes no sense.
    """

    def __init__(self, path: Path, request: Mapping[str, Any], *, timeout_s: float) -> None:
        self._connection = _connected(path, timeout_s)
        self._file = self._connection.makefile("rb")
        try:
            self._connection.sendall(json.dumps({"do": ASK, **request}).encode() + b"\n")
            head = json.loads(self._file.readline(HEAD_BYTES_MAX))
            if not head["ok"]:
                raise ValueError(" ".join(map(str, head["lines"])))
            self.status = int(head["status"])
            self.content_type = str(head["type"])
        except (KeyError, TypeError) as error:
            self.close()
            raise ValueError("what came makes no sense") from error
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Asked:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        self._file.close()
        self._connection.close()

    def parts(self) -> Iterator[bytes]:
        """Yield the body. Raises ValueError where the server ends before it is complete."""
        while size := int(self._file.readline(32) or b"-1", 16):
            part = self._file.read(size) if 0 < size <= CHUNK_BYTES_MAX else b""
            if len(part) != size:
                raise ValueError("the server ended in the midst of its answer")
            yield part


def write_head(server: str, status: int, content_type: str) -> bytes:
    """Return what comes before the parts of an answer of the API."""
    return json.dumps({"ok": True, "server": server, "status": status, "type": content_type}).encode() + b"\n"


def write_part(body: bytes) -> bytes:
    """Return a part of an answer as it is sent; an empty one is the end."""
    return b"%x\n" % len(body) + body


def _connected(path: Path, timeout_s: float) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(timeout_s)
        with address_of(path) as address:
            connection.connect(address)
    except BaseException:
        connection.close()
        raise
    return connection

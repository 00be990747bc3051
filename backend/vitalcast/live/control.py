"""The control socket, by which commands of the same user reach a running server: `vitalcast reload`, `history`, `mark`.

A Unix socket in the data folder, which this user alone may use: it needs no port, token or certificate, and one that
nobody answers is known to be left over. A request is a line of JSON, `{"do": "reload"}`, and so is the answer:
`{"ok": true, "server": "http://127.0.0.1:8000/", "lines": […]}`. `{"do": "ask", …}` is a request to the HTTP API, which
the web answers (`vitalcast.web.edge.local_api`).
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import secrets
import socket
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from vitalcast.access.control import ASK, SUPPORTED, address_of, is_answered, make_control_folder, sockets_in
from vitalcast.errors import ConfigError

logger = logging.getLogger(__name__)

REQUEST_S = 5.0
REQUEST_BYTES_MAX = 32_768  # a question to the API names up to 64 patterns
ANSWERS_MAX = 8
BACKLOG = 8

Answer = Callable[[], Awaitable[tuple[bool, list[str]]]]
Relay = Callable[[Mapping[str, Any], asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class ControlSocket:
    """Listens in `folder` and answers with one of `answers`, by what is asked for. `server` names this server.

    `relay`, once there is one, takes what is asked of the API, and writes the answer itself.

    Without the means, on Windows or where the folder cannot be used, there is none, which is only logged.
    """

    def __init__(self, folder: Path, answers: Mapping[str, Answer], *, server: str = "") -> None:
        self.server = server or f"process {os.getpid()}"
        self._folder = folder
        self._answers = answers
        self._path: Path | None = None
        self._listening: asyncio.Server | None = None
        self._answering = 0
        self._relaying: set[asyncio.Task[None]] = set()
        self.relay: Relay | None = None

    async def start(self) -> None:
        if not SUPPORTED:
            return
        try:
            make_control_folder(self._folder)
            self._path, listener = self._bound()
            self._listening = await asyncio.start_unix_server(
                self._serve, sock=listener, limit=REQUEST_BYTES_MAX, backlog=BACKLOG
            )
        except (OSError, ConfigError) as error:
            logger.info("`vitalcast reload` will not find this server: %s", error)

    def _bound(self) -> tuple[Path, socket.socket]:
        """Return a listening socket and its path. It gets its name once it listens, so that it is never left over."""
        for left in sockets_in(self._folder):
            if not is_answered(left):
                left.unlink(missing_ok=True)
        path = self._folder / f"{secrets.token_hex(4)}.sock"
        draft = path.with_suffix(".new")
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            with address_of(draft) as address:
                listener.bind(address)
            draft.chmod(0o600)
            listener.listen(BACKLOG)
            draft.rename(path)
        except BaseException:
            listener.close()
            draft.unlink(missing_ok=True)
            raise
        return path, listener

    async def close(self) -> None:
        if self._listening is not None:
            self._listening.close()
            for task in self._relaying:  # which a slow command would hold up
                task.cancel()
            await asyncio.gather(*self._relaying, return_exceptions=True)
            await self._listening.wait_closed()
            self._listening = None
        if self._path is not None:
            self._path.unlink(missing_ok=True)
            self._path = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            answer = await self._answer(reader, writer)
            if answer is not None:
                writer.write(json.dumps(answer).encode() + b"\n")
                await writer.drain()
        except (OSError, TimeoutError):  # the command has gone, or says nothing
            pass
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> dict[str, object] | None:
        """Return what to answer; None where nothing was asked, or all is said."""
        async with asyncio.timeout(REQUEST_S):
            try:
                line = await reader.readuntil(b"\n")
            except asyncio.IncompleteReadError:  # who only looks whether somebody answers
                return None
            except asyncio.LimitOverrunError:
                return self._refusal(f"a request has {REQUEST_BYTES_MAX} bytes at most")
        try:
            request = json.loads(line)
            wanted = request["do"]
            answer = None if wanted == ASK and self.relay is not None else self._answers[wanted]
        except (ValueError, TypeError, KeyError, RecursionError):
            return self._refusal(f"this server can {', '.join(self._answers)}, as in {json.dumps({'do': 'reload'})}")
        if self._answering >= ANSWERS_MAX:
            return self._refusal(f"{ANSWERS_MAX} commands are being answered already; try again")
        self._answering += 1
        try:
            if answer is None:
                return await self._relay(request, reader, writer)
            done, lines = await answer()
        finally:
            self._answering -= 1
        return {"ok": done, "server": self.server, "lines": lines}

    async def _relay(
        self, request: Mapping[str, Any], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> dict[str, object] | None:
        assert self.relay is not None
        task = asyncio.ensure_future(self.relay(request, reader, writer))
        self._relaying.add(task)
        try:
            await task
        except ValueError as error:
            return self._refusal(str(error))
        except asyncio.CancelledError:
            task.cancel()
            if not task.cancelled():  # it is this connection that ends
                raise
        finally:
            self._relaying.discard(task)
        return None

    def _refusal(self, why: str) -> dict[str, object]:
        return {"ok": False, "server": self.server, "lines": [why]}

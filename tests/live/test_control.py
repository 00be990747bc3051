"""The control socket over a folder of the test's own: who may use it, what it answers, and what is left over."""

from __future__ import annotations

import asyncio
import json
import socket
import stat
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from vitalcast.access.control import address_of, ask, is_answered, sockets_in
from vitalcast.errors import ConfigError
from vitalcast.live.control import ANSWERS_MAX, REQUEST_BYTES_MAX, ControlSocket

TIMEOUT_S = 60.0


async def _done() -> tuple[bool, list[str]]:
    return True, ["done"]


@asynccontextmanager
async def listening(folder: Path, answer: Callable[[], Any] = _done) -> AsyncIterator[Path]:
    control = ControlSocket(folder, {"reload": answer}, server="here")
    await control.start()
    [path] = [one for one in sockets_in(folder) if is_answered(one)]
    try:
        yield path
    finally:
        await control.close()
        assert path not in sockets_in(folder)


async def asked(path: Path, request: Any) -> dict[str, Any]:
    return await asyncio.to_thread(ask, path, request, timeout_s=TIMEOUT_S)


async def sent(path: Path, data: bytes) -> bytes:
    """Send bytes as they are; return all that comes back."""
    with address_of(path) as address:
        reader, writer = await asyncio.open_unix_connection(address)
    writer.write(data)
    writer.write_eof()
    answer = await asyncio.wait_for(reader.read(), TIMEOUT_S)
    writer.close()
    await writer.wait_closed()
    return answer


async def test_a_request_is_answered(tmp_path: Path) -> None:
    async with listening(tmp_path / "data" / "servers") as path:
        assert await asked(path, {"do": "reload"}) == {"ok": True, "server": "here", "lines": ["done"]}


async def test_this_user_alone_may_use_it(tmp_path: Path) -> None:
    async with listening(tmp_path / "data" / "servers") as path:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


async def test_in_a_folder_that_others_may_write_to_there_is_none(tmp_path: Path) -> None:
    folder = tmp_path / "servers"
    folder.mkdir()
    folder.chmod(0o777)
    control = ControlSocket(folder, {"reload": _done})
    await control.start()
    assert list(folder.iterdir()) == []
    await control.close()
    with pytest.raises(ConfigError, match="other users may write"):
        sockets_in(folder)


@pytest.mark.parametrize(
    "request_",
    [b'{"do":"stop"}\n', b"reload\n", b"[]\n", b'{"do":["reload"]}\n', b"\xff\n", b"[" * 900 + b"\n", b"7\n"],
)
async def test_what_makes_no_sense_is_refused_with_what_would(tmp_path: Path, request_: bytes) -> None:
    async with listening(tmp_path / "servers") as path:
        answer = json.loads(await sent(path, request_))
        assert answer == {"ok": False, "server": "here", "lines": ['this server can reload, as in {"do": "reload"}']}


async def test_a_long_request_is_refused_and_none_at_all_is_no_request(tmp_path: Path) -> None:
    async with listening(tmp_path / "servers") as path:
        long = json.loads(await sent(path, b"x" * (REQUEST_BYTES_MAX * 4) + b"\n"))
        assert long["lines"] == [f"a request has {REQUEST_BYTES_MAX} bytes at most"]
        assert await sent(path, b"") == b""
        assert (await asked(path, {"do": "reload"}))["ok"]


async def test_more_commands_at_once_than_may_be_are_told_to_try_again(tmp_path: Path) -> None:
    go_on, begun = asyncio.Event(), asyncio.Semaphore(0)

    async def later() -> tuple[bool, list[str]]:
        begun.release()
        await go_on.wait()
        return True, []

    async with listening(tmp_path / "servers", later) as path:
        waiting = [asyncio.create_task(sent(path, b'{"do":"reload"}\n')) for _ in range(ANSWERS_MAX)]
        for _ in waiting:
            await begun.acquire()
        further = json.loads(await sent(path, b'{"do":"reload"}\n'))
        assert further["lines"] == [f"{ANSWERS_MAX} commands are being answered already; try again"]
        go_on.set()
        assert [json.loads(answer)["ok"] for answer in await asyncio.gather(*waiting)] == [True] * ANSWERS_MAX


async def test_what_a_dead_server_left_is_removed_and_a_living_one_stays(tmp_path: Path) -> None:
    folder = tmp_path / "servers"
    async with listening(folder) as living:
        dead = folder / "dead.sock"
        with socket.socket(socket.AF_UNIX) as one:
            one.bind(str(dead))
        assert not is_answered(dead)
        second = ControlSocket(folder, {"reload": _done})
        await second.start()
        assert not dead.exists()
        assert living in sockets_in(folder)
        assert len(sockets_in(folder)) == 2
        await second.close()
        assert sockets_in(folder) == [living]


async def test_a_path_too_long_for_a_socket_will_do(tmp_path: Path) -> None:
    async with listening(tmp_path / ("d" * 150) / "servers") as path:
        assert (await asked(path, {"do": "reload"}))["ok"]

"""Who leaves in the midst of answers does not fill the log."""

from __future__ import annotations

import asyncio
import logging
import socket

import pytest

from vitalcast.web.serving.logs import without_departures


async def test_what_asyncio_says_of_each_write_to_a_client_that_left_is_left_out(
    caplog: pytest.LogCaptureFixture,
) -> None:
    near, far = socket.socketpair()
    transport, _ = await asyncio.get_running_loop().create_connection(asyncio.Protocol, sock=near)
    far.close()
    for _ in range(20):  # in one turn of the loop, as answers to requests that came together
        transport.write(b"x")
    transport.abort()
    said = [record for record in caplog.records if record.name == "asyncio" and record.levelno >= logging.WARNING]
    assert said, "asyncio still says it in these words"
    assert not any(map(without_departures, said))

"""A machine whose name is bytes that somebody chose: everything that tells it stays whole."""

from __future__ import annotations

import json
import os
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from urllib.request import urlopen

import pytest
from tests.e2e.client import client, plain_client
from tests.e2e.server import Server, running

NAME = b"web\xff\x1b[2J\xe2\x80\xae1"  # a byte that is not UTF-8, what clears a terminal, what turns text round
READ = r"web\xff\x1b[2J\u202e1"
PICTURES = ("/api/v1/panels/cpu.svg", "/api/v1/panels/cpu.svg?title=a%00%1b%e2%80%ae%ff", "/badge/cpu.svg?label=%1b%ff")


@pytest.fixture(scope="module")
def odd() -> Iterator[Server]:
    with running(env={"E2E_HOST": os.fsdecode(NAME)}, scripted=True) as server:
        yield server


def get(server: Server, path: str) -> str:
    with urlopen(server.url + path) as answer:
        text: str = answer.read().decode()
    return text


async def test_sockets_tell_it_as_it_reads(odd: Server) -> None:
    async with client(odd) as one:
        assert one.heard[0]["host"] == READ
    async with plain_client(odd) as plain:
        assert (await plain.receive())["host"] == READ


def test_answers_and_pictures_tell_it_as_it_reads(odd: Server) -> None:
    assert json.loads(get(odd, "/api/v1/panels/cpu/figure"))["layout"]["meta"]["host"] == READ
    escaped = READ.replace("\\", "\\\\")
    assert f'"{escaped}"' in get(odd, "/metrics")
    for path in PICTURES:
        svg = get(odd, path)
        ElementTree.fromstring(svg)
        assert not {"\x1b", "\x00", "\u202e"} & set(svg)
    assert READ in get(odd, PICTURES[0])
    assert odd.errors() == ""

"""The server says what the golden conversations say that it does, which clients replay."""

from __future__ import annotations

import pytest
from tests.golden.__main__ import CONVERSATIONS
from tests.golden.conversations import conversations, text_of
from tests.golden.stage import Json


@pytest.fixture(scope="module")
def held() -> dict[str, list[Json]]:
    return conversations()


def test_every_conversation_is_written_down_as_it_is_held(held: dict[str, list[Json]]) -> None:
    written = {path.stem: path.read_text() for path in CONVERSATIONS.glob("*.jsonl")}
    assert written == {name: text_of(lines) for name, lines in held.items()}, "run `python -m tests.golden`"

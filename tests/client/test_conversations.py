"""The Python client does what the golden conversations say."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.client.replay import replay

CONVERSATIONS = sorted((Path(__file__).parents[1] / "golden" / "conversations").glob("*.jsonl"))


@pytest.mark.parametrize("path", CONVERSATIONS, ids=lambda path: path.stem)
def test_the_client_holds_a_conversation_as_it_is_written_down(path: Path) -> None:
    replay(path)

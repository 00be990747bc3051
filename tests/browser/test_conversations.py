"""The JavaScript client does what the golden conversations say, in Node."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from tests.golden.__main__ import CONVERSATIONS

ROOT = Path(__file__).resolve().parents[2]
REPLAYED_WITHIN_S = 120.0  # only so that a failure ends
NAMES = sorted(path.stem for path in CONVERSATIONS.glob("*.jsonl"))


@pytest.fixture(scope="module")
def problems() -> dict[str, list[str]]:
    """What the client does otherwise, by conversation; all of them take one process."""
    command = ["node", ROOT / "tests" / "browser" / "replay.mjs", ROOT / "frontend" / "client" / "program.js"]
    files = [CONVERSATIONS / f"{name}.jsonl" for name in NAMES]
    done = subprocess.run([*command, *files], capture_output=True, text=True, timeout=REPLAYED_WITHIN_S, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", NAMES)
def test_the_client_holds_a_conversation_as_it_is_written_down(name: str, problems: dict[str, list[str]]) -> None:
    assert problems.get(name, []) == []

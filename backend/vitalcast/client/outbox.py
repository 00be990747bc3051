"""The commands of one client: numbered, written, and kept until they are answered, as the server may not read them."""

from __future__ import annotations

import json
from typing import Any

from vitalcast.client.reading import Json


class Outbox:
    """What is to be sent, and what was sent over this connection and has no answer yet."""

    def __init__(self) -> None:
        self._number = 0
        self._out: list[str] = []
        self._unanswered: dict[Any, str] = {}  # by the ids of commands

    def number(self) -> int:
        """Return the id of the next command."""
        self._number += 1
        return self._number

    def put(self, command: Json) -> None:
        text = written(command)
        self._unanswered[command["id"]] = text
        self._out.append(text)

    def take(self) -> list[str]:
        """Return the texts to send now, in their order."""
        texts, self._out = self._out, []
        return texts

    def answered(self, id_: Any) -> None:
        """Let go of a command. Safe to call again."""
        self._unanswered.pop(id_, None)

    def again(self, id_: Any) -> bool:
        """Have a command sent once more that was not read; return whether there is one."""
        text = self._unanswered.get(id_)
        if text is not None:
            self._out.append(text)
        return text is not None

    def clear(self) -> None:
        """Forget all: the line is lost."""
        self._out.clear()
        self._unanswered.clear()


def written(command: Json) -> str:
    """Return a command as it is sent. Raises ValueError where JSON has no words for what it holds."""
    try:
        return json.dumps(command, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"this cannot be sent as JSON: {error}") from None

"""What clients get is encoded once."""

from __future__ import annotations

import json

from vitalcast.core.wire.messages import Message


def test_a_message_is_encoded_once_and_framed_once() -> None:
    message = Message.of({"type": "pong", "value": float("nan")})
    assert json.loads(message.text) == {"type": "pong", "value": None}
    assert message.frame is message.frame
    assert message.frame.endswith(message.payload)

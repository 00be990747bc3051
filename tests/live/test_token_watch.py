"""Whose token a socket has: what is remembered has a bound."""

from __future__ import annotations

import pytest

from vitalcast.core.stream.grants import Caller, Grant
from vitalcast.core.vocabulary import Scope
from vitalcast.live import token_watch
from vitalcast.live.token_watch import TokenWatch


def test_no_more_revoked_tokens_are_remembered_than_may_be_and_that_is_said(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(token_watch, "REVOKED_MAX", 3)
    watch = TokenWatch(hello_s=10, now_s=lambda: 0.0, now_ms=lambda: 0)
    for token_id in ("a", "b", "a", "c"):
        watch.note_revoked(token_id)
    assert caplog.text == ""
    watch.note_revoked("d")
    assert "more than 3 tokens were revoked at once: b is no longer watched" in caplog.text
    gone = {one: watch.revoked(Caller(Grant(Scope.VIEW, one))) is not None for one in "abcd"}
    assert gone == {"a": True, "b": False, "c": True, "d": True}

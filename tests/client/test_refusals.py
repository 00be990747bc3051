from __future__ import annotations

import ssl

import pytest
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosedError, InvalidStatus
from websockets.frames import Close
from websockets.http11 import Response

from vitalcast.client.refusals import explained
from vitalcast.errors import ClientError, LostError

URL = "ws://h:1/ws"


def refusal(status: int, **headers: str) -> InvalidStatus:
    return InvalidStatus(
        Response(status, "", Headers({name.replace("_", "-"): text for name, text in headers.items()}))
    )


@pytest.mark.parametrize(
    ("retry_after", "after_s"),
    [("7", 7.0), ("0", 0.0), ("9" * 400, 300.0), ("-5", None), ("soon", None), ("²", None), ("1.5", None)],
)
def test_a_server_says_when_to_come_back(retry_after: str, after_s: float | None) -> None:
    for status in (429, 503):
        told = explained(refusal(status, Retry_After=retry_after), url=URL)
        assert isinstance(told, LostError)
        assert told.after_s == after_s


def test_a_header_that_comes_twice_is_no_trouble() -> None:
    headers = Headers([("Retry-After", "4"), ("Retry-After", "9")])
    told = explained(InvalidStatus(Response(503, "", headers)), url=URL)
    assert isinstance(told, LostError)
    assert told.after_s == 4


@pytest.mark.parametrize(
    ("received", "sent", "final", "expected"),
    [
        (Close(4001, "shutdown"), None, False, "connection closed with 4001 shutdown"),
        (Close(4507, "denied\x1b[2J"), None, True, r"the server closed with 4507 denied\x1b[2J"),
        (Close(5000, ""), None, False, "connection closed with 5000"),
        (None, Close(1011, "keepalive ping timeout"), False, "connection lost (keepalive ping timeout)"),
        (None, Close(1009, "over size limit"), True, "sent a message that is too large"),
        (None, None, False, "connection lost"),
    ],
)
def test_a_close_is_told_with_its_reason(
    received: Close | None, sent: Close | None, final: bool, expected: str
) -> None:
    told = explained(ConnectionClosedError(received, sent), url=URL, after_s=3.0)
    assert expected in str(told)
    assert isinstance(told, ClientError) == final


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ImportError("connecting through a SOCKS proxy requires python-socks"), "requires python-socks"),
        (ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number"), "no HTTPS there"),
        (TimeoutError(), "no answer in time"),
        (ConnectionResetError(104, "Connection reset by peer"), "cannot connect (Connection reset by peer)"),
        (EOFError("stream ends"), "no WebSocket there (stream ends)"),
    ],
)
def test_what_the_library_or_the_system_raises_is_told_in_words(error: Exception, expected: str) -> None:
    assert expected in str(explained(error, url=URL))


def test_a_fault_of_ours_stays_one() -> None:
    with pytest.raises(ZeroDivisionError):
        explained(ZeroDivisionError(), url=URL)

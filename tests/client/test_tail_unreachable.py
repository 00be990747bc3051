"""What keeps `vitalcast tail` from being connected: told in one line, whatever it is."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import signal
import socket
import ssl
from pathlib import Path

import pytest
from tests.client.fake_server import (
    MEMORY,
    TLS,
    Recorder,
    answer,
    fake_server,
    raw_server,
    stay,
)
from tests.command import TIMEOUT_S, start

from vitalcast.client.follow import follow as follow_url
from vitalcast.core.vocabulary import SUBPROTOCOL
from vitalcast.errors import ClientError

DENIED = '{"error":{"code":403,"message":"origin \\u001b[2J is not allowed"}}'
ANSWERS = {
    "html": (answer("200 OK", "<!doctype html><h1>Hello"), "no WebSocket there (HTTP 200)"),
    "401": (answer("401 Unauthorized"), "the server refused the WebSocket with HTTP 401"),
    "403": (answer("403 Forbidden", DENIED), r"with HTTP 403: origin \x1b[2J is not allowed"),
    "421": (answer("421 Misdirected Request", "<html>"), "the server refused the WebSocket with HTTP 421"),
    "429": (answer("429 Too Many Requests", "", "Retry-After: 7"), "HTTP 429"),
    "503": (answer("503 Service Unavailable", "[1]"), "HTTP 503"),
    "nothing": (b"", "no WebSocket there ("),
    "cut": (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: webso", "no WebSocket there ("),
    "garbage": (b"\x00\xff" * 5000, "no WebSocket there ("),
    "escapes": (b"\x1b[2J\x1b]0;pwned\x07 1 2\r\n\r\n", "no WebSocket there ("),
    "headers": (answer("200 OK", "", *["X: y"] * 5000), "no WebSocket there ("),
}


@pytest.mark.parametrize("kind", ANSWERS)
def test_what_is_no_vitalcast_is_told_in_one_line(kind: str) -> None:
    given, expected = ANSWERS[kind]
    with raw_server(given) as url, pytest.raises(ClientError) as told:
        follow_url(url, Recorder(), "x")
    line = str(told.value)
    assert expected in line
    assert line.isprintable()
    assert len(line) < 500


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("ws://nowhere.invalid/ws", "cannot connect ("),
        ("ws://127.0.0.1:1/ws", "cannot connect (Connection refused)"),
    ],
)
def test_an_address_without_a_server_is_told_in_one_line(url: str, expected: str) -> None:
    with pytest.raises(ClientError) as told:
        follow_url(url, Recorder(), "x")
    assert expected in str(told.value)
    assert str(told.value).isprintable()


def test_a_server_without_https_is_told_in_one_line() -> None:
    with raw_server(b"HTTP/1.1 400 Bad Request\r\n\r\n") as url, pytest.raises(ClientError, match="no HTTPS there"):
        follow_url(url.replace("ws:", "wss:"), Recorder(), "x")


def test_a_certificate_that_nobody_vouches_for_is_told_in_one_line() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(TLS / "cert.pem", TLS / "key.pem")
    with fake_server(stay, ssl=context) as fake:
        url = fake.url.replace("ws:", "wss:")
        with pytest.raises(ClientError, match="the certificate is not valid"):
            follow_url(url, Recorder(), "x")
        follow_url(url, sink := Recorder(), "x", count=1, ssl=ssl.create_default_context(cafile=TLS / "cert.pem"))
        assert sink.events == [10]


def test_what_goes_wrong_while_it_comes_back_is_a_line_each(tmp_path: Path) -> None:
    """The library's own reports and their tracebacks are of no use to who follows."""
    key = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

    def upgraded(request: bytes) -> bytes:
        asked = re.search(rb"Sec-WebSocket-Key: (\S+)", request)
        assert asked is not None
        accept = base64.b64encode(hashlib.sha1(asked[1] + key).digest()).decode()
        head = ("Upgrade: websocket", "Connection: Upgrade", f"Sec-WebSocket-Accept: {accept}")
        lines = ["HTTP/1.1 101 Switching Protocols", *head, f"Sec-WebSocket-Protocol: {SUBPROTOCOL}"]
        return ("\r\n".join(lines) + "\r\n\r\n").encode() + frame(1, b'{"type":"welcome","time":0}'.ljust(126))

    def frame(opcode: int, payload: bytes) -> bytes:
        return bytes([0x80 | opcode, 126]) + len(payload).to_bytes(2, "big") + payload

    texts = [
        {"type": "ack", "id": 1, "group": 7, "epoch": "e", "interval": 1.0},
        {"type": "snapshot", "group": 7, "offset": 1, "time": 5, "series": [MEMORY], "times": [5], "values": [[1]]},
    ]
    good = b"".join(frame(1, json.dumps(text).encode()) for text in texts)
    turns = [good, b"\xff" * 64, frame(8, b"\x0f\xa1\x1b[2J")]
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"ws://127.0.0.1:{listening.getsockname()[1]}/ws"
        listening.settimeout(TIMEOUT_S)
        process = start("tail", "x", "--url", url, cwd=tmp_path)
        assert process.stderr is not None
        said: list[str] = []
        for turn in turns:
            peer, _ = listening.accept()
            with peer:
                peer.sendall(upgraded(peer.recv(65536)))
                assert peer.recv(65536), "it subscribes"
                peer.sendall(turn)
                peer.shutdown(socket.SHUT_WR)
                # Beside a busy machine it may say before that nothing comes.
                while not (line := process.stderr.readline()).startswith("vitalcast: connection"):
                    assert line
                said.append(line)
        # By then the last line is out: an interrupt in the midst of writing it would have it written again at the end.
        peer, _ = listening.accept()
        with peer:
            process.send_signal(signal.SIGINT)
            _, rest = process.communicate(timeout=TIMEOUT_S)
    assert (process.returncode, rest) == (0, "")
    assert all(re.fullmatch(r"vitalcast: connection .*; trying again in \d\.\d s\n", line) for line in said), said
    assert r"closed with 4001 \x1b[2J" in said[-1]

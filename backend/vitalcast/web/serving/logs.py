"""What stands in the server's log: text that prints, and no tokens."""

from __future__ import annotations

import logging
import re
from numbers import Number
from typing import Any

from vitalcast.core.text import printable

UVICORN_LOGS = ("uvicorn.access", "uvicorn.error")
# What asyncio says for each write to a client that has just left, as often as that client can have it.
_LEFT = "socket.send() raised exception."
# However the name is written: `%74oken` is `token` too.
_TOKEN = re.compile(r"([?&;](?:t|%74)(?:o|%6f)(?:k|%6b)(?:e|%65)(?:n|%6e)=)[^&;\s]*", re.IGNORECASE)


def set_up_logs(level: str) -> None:
    """Have log lines from this level on be printable and hold no tokens."""
    log_printable()
    logging.getLogger("asyncio").addFilter(without_departures)
    logging.getLogger("vitalcast").setLevel(level.upper())
    for name in UVICORN_LOGS:
        log = logging.getLogger(name)
        log.addFilter(without_tokens)
        log.setLevel(max(log.level, logging.INFO))  # below, each header and frame is written down, tokens and all


class _Told:
    """What a log line tells of, in words that print."""

    def __init__(self, one: object) -> None:
        self._one = one

    def __str__(self) -> str:
        return printable(str(self._one))

    def __repr__(self) -> str:
        return printable(repr(self._one))


def _as_it_reads(one: object) -> object:
    if isinstance(one, str):
        return printable(one)
    return one if isinstance(one, Number) else _Told(one)


def log_printable() -> None:
    """Have what log lines tell of stand there as it reads: names that others chose, and faults that quote them."""

    def make(*args: Any, **named: Any) -> logging.LogRecord:
        record = logging.LogRecord(*args, **named)
        if isinstance(record.args, tuple):
            record.args = tuple(map(_as_it_reads, record.args))
        if record.exc_info:
            told = logging.Formatter().formatException(record.exc_info)
            record.exc_text = "\n".join(map(printable, told.split("\n")))
        return record

    logging.setLogRecordFactory(make)


def without_tokens(record: logging.LogRecord) -> bool:
    """Take the tokens out of the addresses in a log line, whose arguments are kept apart from its text."""
    if isinstance(record.args, tuple):
        record.args = tuple(_TOKEN.sub(r"\1…", one) if isinstance(one, str) else one for one in record.args)
    return True


def without_departures(record: logging.LogRecord) -> bool:
    """Leave out what clients that leave can fill a log with."""
    return record.msg != _LEFT

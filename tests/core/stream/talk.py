"""What the tests of conversations say, and who says it."""

from __future__ import annotations

from typing import Any

from tests.core.machine import Machine, ask

from vitalcast.core.metrics.model import Descriptor, Kind, Series
from vitalcast.core.metrics.names import Selection
from vitalcast.core.stream.grants import Caller, Grant
from vitalcast.core.stream.session import Session
from vitalcast.core.vocabulary import ErrorCode, Scope
from vitalcast.errors import AccessError


def subscribe(session: Session, **fields: Any) -> list[dict[str, Any]]:
    return ask(session, **({"type": "subscribe", "id": 1, "stream": "s", "metrics": ["system.load"]} | fields))


def error_of(answers: list[dict[str, Any]]) -> tuple[int, str]:
    [error] = answers
    assert error["type"] == "error"
    return error["code"], error["message"]


LOAD_ONLY = Grant(Scope.STREAM, "load", (Selection.of(["system.load"]),), interval_min_ms=2000, expires_ms=9_000)
DISKS = Grant(Scope.STREAM, "disks", (Selection.of(["system.disk.>", "table.processes"]),))
SDA = Grant(Scope.EMBED, "sda", (Selection.of(["system.disk.>"], {"system.device": ["sda"]}),))
ALL = Grant(Scope.VIEW, "all", expires_ms=9_000)
TOKENS = {"load": LOAD_ONLY, "disks": DISKS, "sda": SDA, "all": ALL}
PROGRAM = Series(Descriptor("process.usage", "1", Kind.GAUGE, "", ("process.executable.name",)), ("nginx",))
OTHERS = Series(Descriptor("process.usage", "1", Kind.GAUGE, "", ("cpu.mode",)), ("user",))
STRANGER = Caller(None, "192.0.2.1")


def verify(token: str, caller: Caller) -> Grant:
    match token:
        case "old":
            raise AccessError(ErrorCode.TOKEN_EXPIRED, "token: it has expired")
        case "revoked":
            raise AccessError(ErrorCode.UNAUTHORIZED, "token: it has been revoked", revoked=True)
        case "later":
            raise AccessError(ErrorCode.RATE_LIMITED, "token: too many wrong ones have come", temporary=True)
        case "own" if caller.origin is not None:
            raise AccessError(ErrorCode.UNAUTHORIZED, "token: not valid on pages of this site")
    if token not in TOKENS:
        raise AccessError(ErrorCode.UNAUTHORIZED, "token: unknown token")
    return TOKENS[token]


def stranger(machine: Machine, **kwargs: Any) -> Session:
    return machine.session(caller=STRANGER, verify=verify, **kwargs)


def granted(machine: Machine, grant: Grant, **kwargs: Any) -> Session:
    return machine.session(caller=Caller(grant), verify=verify, **kwargs)

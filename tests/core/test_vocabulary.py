"""Codes that clients of version 0.1 know: they go on meaning what they meant."""

from __future__ import annotations

from vitalcast.core.vocabulary import STAY_AWAY_FROM, CloseCode, ErrorCode


def test_close_codes_after_which_a_client_stays_away_are_those_of_a_wrong_or_refused_caller() -> None:
    away = {code.name for code in CloseCode if code >= STAY_AWAY_FROM}
    assert away == {"BAD_TOKEN", "NOT_THE_PROTOCOL", "TOO_MANY_CONNECTIONS", "DENIED", "REVOKED"}


def test_error_codes_keep_the_numbers_they_were_published_with() -> None:
    assert {code.name: int(code) for code in ErrorCode} == {
        "INTERNAL": 100,
        "UNAUTHORIZED": 101,
        "UNKNOWN_METRIC": 102,
        "DENIED": 103,
        "UNKNOWN_TYPE": 104,
        "DUPLICATE_STREAM": 105,
        "LIMIT": 106,
        "BAD_REQUEST": 107,
        "TOKEN_EXPIRED": 109,
        "RATE_LIMITED": 111,
        "UNRECOVERABLE": 112,
    }


def test_close_codes_keep_the_numbers_they_were_published_with() -> None:
    assert {code.name: int(code) for code in CloseCode} == {
        "SHUTDOWN": 4001,
        "SLOW": 4008,
        "NO_PONG": 4012,
        "TOO_FAST": 4029,
        "BAD_TOKEN": 4500,
        "NOT_THE_PROTOCOL": 4501,
        "TOO_MANY_CONNECTIONS": 4504,
        "DENIED": 4507,
        "REVOKED": 4509,
    }

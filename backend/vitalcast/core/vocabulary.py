"""The fixed words of the wire: codes, reasons, scopes and aggregates. It imports nothing of ours, so costs nothing."""

import enum

VERSION = "vitalcast.v1"
SUBPROTOCOL = f"{VERSION}.json"
BINARY_SUBPROTOCOL = f"{VERSION}.bin"  # data frames are binary, all else is as in the other
STAY_AWAY_FROM = 4500  # close codes from here on, below 5000, say that a new connection would fare no better


class ErrorCode(enum.IntEnum):
    """Codes of `error` replies; the socket lives on after each."""

    INTERNAL = 100
    UNAUTHORIZED = 101
    UNKNOWN_METRIC = 102
    DENIED = 103
    UNKNOWN_TYPE = 104
    DUPLICATE_STREAM = 105
    LIMIT = 106
    BAD_REQUEST = 107
    TOKEN_EXPIRED = 109
    RATE_LIMITED = 111
    UNRECOVERABLE = 112


class CloseCode(enum.IntEnum):
    """Close codes of the server's own: below STAY_AWAY_FROM come back with jitter, from there on stay away."""

    SHUTDOWN = 4001
    SLOW = 4008
    NO_PONG = 4012
    TOO_FAST = 4029
    BAD_TOKEN = 4500
    NOT_THE_PROTOCOL = 4501
    TOO_MANY_CONNECTIONS = 4504
    DENIED = 4507
    REVOKED = 4509


class GapReason(enum.StrEnum):
    """Why ticks were not delivered."""

    SLOW = "slow"
    SAMPLER = "sampler"
    EXPIRED = "expired"


class Scope(enum.StrEnum):
    """What a token is for. Each may do what no other may, but ADMIN, which may do all."""

    VIEW = "view"
    EMBED = "embed"
    STREAM = "stream"
    ADMIN = "admin"


class Aggregate(enum.StrEnum):
    """How the ticks of an interval become one value. Ticks without a reading do not count, save for `last`.

    DELTA and RATE compare the newest value of an interval with that of the interval before.
    """

    LAST = "last"
    AVG = "avg"
    MIN = "min"
    MAX = "max"
    SUM = "sum"
    COUNT = "count"
    P50 = "p50"
    P90 = "p90"
    P95 = "p95"
    P99 = "p99"
    DELTA = "delta"
    RATE = "rate"


# What part of the readings lies below each percentile, by its name.
PERCENTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}
# What takes the interval before as well.
DERIVED = frozenset({Aggregate.DELTA, Aggregate.RATE})


class Reduce(enum.StrEnum):
    """How the series of a group become one, at each step."""

    SUM = "sum"
    AVG = "avg"
    MIN = "min"
    MAX = "max"
    COUNT = "count"
    P50 = "p50"
    P90 = "p90"
    P95 = "p95"
    P99 = "p99"

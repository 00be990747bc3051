"""Examples of messages, for the documentation: of each type one or two."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]
_TIME = 1790000000000
_SERIES: Json = {"name": "system.cpu.utilization", "unit": "1", "attributes": {"cpu.mode": "user"}}
_STREAM: Json = {"source": "b1c9e7d0", "epoch": "01K5ZV7Q", "offset": 812}

EXAMPLES: dict[str, tuple[Json, ...]] = {
    "hello": ({"type": "hello", "id": 1, "token": "eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl"},),
    "subscribe": (
        {
            "type": "subscribe",
            "id": 2,
            "stream": "cpu",
            "metrics": ["system.cpu.>"],
            "where": {"cpu.mode": ["user", "system"]},
            "interval": 1,
            "backfill": 60,
        },
        {"type": "subscribe", "id": 3, "stream": "load", "panel": "load", "range": 900},
        {
            "type": "subscribe",
            "id": 4,
            "stream": "cpu",
            "metrics": ["system.cpu.utilization"],
            "since": {"epoch": "01K5ZV7Q", "offset": 811},
        },
    ),
    "update": ({"type": "update", "id": 5, "stream": "cpu", "interval": 10},),
    "unsubscribe": ({"type": "unsubscribe", "id": 6, "stream": "cpu"},),
    "list": ({"type": "list", "id": 7, "metrics": ["system.memory.*"]},),
    "table": ({"type": "table", "id": 8, "stream": "top", "table": "processes", "sort": "cpu", "limit": 10},),
    "events": ({"type": "events", "id": 9, "stream": "events", "severity": "warning", "backfill": 3600},),
    "query": (
        {
            "type": "query",
            "id": 10,
            "metrics": ["system.cpu.utilization"],
            "start": _TIME - 3_600_000,
            "end": _TIME,
            "points": 100,
            "aggregate": ["avg", "max"],
            "group_by": ["cpu.mode"],
        },
        {"type": "query", "id": 11, "table": "processes", "at": _TIME},
    ),
    "ping": ({"type": "ping", "id": 12},),
    "welcome": (
        {
            "type": "welcome",
            "version": "vitalcast.v1",
            "time": _TIME,
            "heartbeat": 10,
            "epoch": "01K5ZV7Q",
            "source": "b1c9e7d0",
            "host": "web-1",
            "interval": 1,
            "interval_min": 0.1,
            "limits": {
                "message_bytes": 65536,
                "streams": 64,
                "series": 10000,
                "messages_per_second": 50,
                "snapshot_values": 1000000,
                "table_rows": 500,
                "queries_per_socket": 4,
            },
            "dashboards": "5d41402a",
            "schema": "1.44",
        },
        {"type": "welcome", "version": "vitalcast.v1", "time": _TIME, "heartbeat": 10, "auth": "required"},
    ),
    "ack": (
        {"type": "ack", "id": 2, "stream": "cpu", "group": 3, **_STREAM, "interval": 1, "series": 1}
        | {"recovered": False, "paused": False},
        {"type": "ack", "id": 1, "scope": "stream", "expires": None},
    ),
    "snapshot": (
        {"type": "snapshot", "group": 3, **_STREAM, "time": _TIME, "series": [_SERIES]}
        | {"times": [_TIME - 1000, _TIME], "values": [[0.29, 0.31]]},
    ),
    "data": (
        {"type": "data", "group": 3, "offset": 813, "time": _TIME + 1000, "values": [0.33]},
        {"type": "data", "group": 3, "offset": 814, "time": _TIME + 2000, "changed": {"0": None}},
    ),
    "series": ({"type": "series", "group": 3, "series": [_SERIES]},),
    "gap": ({"type": "gap", "group": 3, "from": 815, "to": 820, "why": "slow"},),
    "catalogue": (
        {
            "type": "catalogue",
            "id": 7,
            "series": [_SERIES | {"kind": "gauge", "description": "Share of the time in each mode."}],
        },
    ),
    "result": (
        {
            "type": "result",
            "id": 10,
            "source": "b1c9e7d0",
            "start": _TIME - 120_000,
            "end": _TIME,
            "step": 60,
            "tiers": [{"tier": "1m", "start": _TIME - 120_000, "end": _TIME}],
            "aggregate": ["avg", "max"],
            "series": [_SERIES],
            "times": [_TIME - 60_000, _TIME],
            "values": [[0.3, 0.31], [0.5, None]],
        },
    ),
    "rows": (
        {"type": "rows", "group": 4, "offset": 812, "time": _TIME, "columns": ["pid", "name", "cpu"]}
        | {"rows": [[412, "postgres", 0.25]], "matches": 211, "total": 211},
    ),
    "event": (
        {
            "type": "event",
            "group": 5,
            "id": "01K5ZV7R-1",
            "source": "b1c9e7d0",
            "time": _TIME,
            "end": None,
            "kind": "mark",
            "severity": "info",
            "title": "Deployed 2.4.1",
            "attributes": {},
        },
    ),
    "heartbeat": ({"type": "heartbeat", "time": _TIME},),
    "dashboards": ({"type": "dashboards", "revision": "7d793037"},),
    "pong": ({"type": "pong", "id": 12, "time": _TIME},),
    "error": (
        {
            "type": "error",
            "id": 2,
            "code": 102,
            "message": "metrics: no collector has a metric 'system.cpu.load'",
            "temporary": False,
        },
    ),
    "bye": ({"type": "bye", "code": 4001, "reconnect_after_ms": 1500},),
    "metrics": (
        {"type": "metrics", "host": "web-1", "time": _TIME, "offset": 812}
        | {"metrics": {'system.cpu.utilization{cpu.mode="user"}': 0.31}},
    ),
}
SSE_EXAMPLES: dict[str, tuple[Json, ...]] = {
    "metrics": (
        {"time": _TIME, "offset": 812, "metrics": {'system.cpu.utilization{cpu.mode="user"}': 0.31}},
        {"time": _TIME, "offset": 812, "panel": "load", "metrics": {"system.load.average": 1.4}}
        | {"headline": {"label": "1 min", "value": 1.4, "unit": "{thread}", "level": ""}},
    ),
    "gap": ({"from": 813, "to": 815, "why": "sampler"},),
    "error": ({"code": 103, "message": "the token has been revoked", "temporary": False},),
    "bye": ({"code": 4001, "reconnect_after_ms": 1500},),
}

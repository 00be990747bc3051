"""Where what was followed goes; lines of JSON for programs."""

from __future__ import annotations

import json
from typing import Any, TextIO

from vitalcast.client.follow import LIVE
from vitalcast.client.ticks import Gap, Tick


class JsonLines:
    """Writes one JSON object a line: a tick or a gap. News about the connection go to `errors`."""

    def __init__(self, out: TextIO, errors: TextIO) -> None:
        self._out = out
        self._errors = errors
        self._troubled = False

    def tick(self, tick: Tick) -> None:
        self._write({"time": tick.time_ms, "offset": tick.offset, "metrics": dict(tick)})

    def gap(self, gap: Gap) -> None:
        self._write({"gap": {"from": gap.first, "to": gap.last, "why": gap.why}})

    def status(self, text: str) -> None:
        # That it is live goes without saying, unless it was not.
        if text != LIVE or self._troubled:
            self._errors.write(f"vitalcast: {text}\n")
            self._errors.flush()
        self._troubled = text != LIVE

    def idle(self) -> None:
        pass

    def _write(self, value: dict[str, Any]) -> None:
        self._out.write(json.dumps(value, separators=(",", ":")) + "\n")
        self._out.flush()

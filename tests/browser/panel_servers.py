"""Servers with panels of a test's own: what a panel means is the server's to say."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tests.browser.conftest import SERVER_ENV
from tests.e2e.server import Server

from vitalcast.core.panels.builtin import BUILT_IN

Panel = dict[str, Any]


def built_in(*ids: str, **changes: Mapping[str, Any]) -> list[Panel]:
    """Return built-in panels by their ids, or all of them, with changed keys by id (`-` in an id is `_` here)."""
    panels = [panel.model_dump(exclude_defaults=True, exclude_none=True) for panel in BUILT_IN]
    chosen = [panel for panel in panels if not ids or panel["id"] in ids]
    return [panel | changes.get(panel["id"].replace("-", "_"), {}) for panel in chosen]


def panels_toml(panels: list[Panel]) -> str:
    return "".join(
        "[[panels]]\n" + "".join(f"{key} = {_toml(value)}\n" for key, value in panel.items()) for panel in panels
    )


def _toml(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{json.dumps(key)} = {_toml(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    return json.dumps(value)  # strings, numbers and booleans are written alike


@contextmanager
def serving(panels: list[Panel], *, scripted: bool = False) -> Iterator[Server]:
    """Run a server with these panels for as long as the block lasts."""
    server = Server(env=SERVER_ENV, scripted=scripted)
    (server.folder / "config.toml").write_text(panels_toml(panels), encoding="utf-8")
    try:
        yield server.start()
    finally:
        server.close()

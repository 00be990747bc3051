"""Reads the sections of the configuration anew that need no restart, whole or not at all."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping

from vitalcast.config.load import Loaded
from vitalcast.config.schema import RELOADABLE, Settings
from vitalcast.dashboards.store import DashboardStore
from vitalcast.errors import VitalcastError

logger = logging.getLogger(__name__)

NAMES_MAX = 10  # that one line tells


class Reloader:
    """Takes changed panels and playlists from where `loaded` came from into `dashboards`.

    `check` returns what to warn of, and raises VitalcastError where the new settings could not be served. One reload
    runs at a time, and the file is read in a thread, so that no stream waits for it. What it does is logged: `warning`
    for what is odd or needs a restart, `error` for a file that cannot be used, which changes nothing.
    """

    def __init__(
        self, loaded: Loaded, dashboards: DashboardStore, *, check: Callable[[Settings], Iterable[str]] = lambda _: ()
    ) -> None:
        self._loaded = loaded
        self._dashboards = dashboards
        self._check = check
        self._lock = asyncio.Lock()
        self._asked: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def reload_soon(self) -> None:
        """Reload; several requests while one is under way are a single further one."""
        if self._asked is None:
            self._asked = task = asyncio.get_running_loop().create_task(self._reload_when_free())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _reload_when_free(self) -> None:
        async with self._lock:
            self._asked = None
            await self._try()

    async def reload(self) -> tuple[bool, list[str]]:
        """Reload; return whether that could be done, and lines that say what was, or why it was not."""
        async with self._lock:
            return await self._try()

    async def close(self) -> None:
        """Wait for what is under way."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _try(self) -> tuple[bool, list[str]]:
        try:
            after, warnings = await asyncio.to_thread(self._read)
        except VitalcastError as error:
            lines = str(error).splitlines()
            for line in lines:
                logger.error("the settings in force stay: %s", line)
            return False, lines
        where = "the defaults, as there is no file" if after.path is None else after.path
        news = f"read {' and '.join(RELOADABLE)} from {where}: {'; '.join(self._apply(after.settings))}"
        logger.info("%s", news)
        if restart := needs_restart(self._loaded.settings, after.settings):
            warnings.append(f"restart the server to apply {_listed(restart)}")
        for warning in warnings:
            logger.warning("%s", warning)
        return True, [news, *warnings]

    def _read(self) -> tuple[Loaded, list[str]]:
        after = self._loaded.again()
        return after, [*after.warnings, *self._check(after.settings)]

    def _apply(self, settings: Settings) -> list[str]:
        store = self._dashboards
        before = {"panels": store.panels, "playlists": store.playlists}
        store.replace(settings.panels, settings.playlists)
        after = {"panels": store.panels, "playlists": store.playlists}
        return [f"{name} {_changes(before[name], after[name])}" for name in RELOADABLE]


def needs_restart(before: Settings, after: Settings) -> list[str]:
    """Return the dotted keys that differ and that a reload does not apply."""
    in_force = dict(before.items())
    return [key for key, value in after.items() if value != in_force[key]]


def _changes(before: Mapping[str, object], after: Mapping[str, object]) -> str:
    parts = list(_parts(before, after))
    if not parts:
        return "unchanged" if list(before) == list(after) else "in another order"
    return ", ".join(parts)


def _parts(before: Mapping[str, object], after: Mapping[str, object]) -> Iterator[str]:
    for word, ids in (
        ("added", [id_ for id_ in after if id_ not in before]),
        ("changed", [id_ for id_, one in after.items() if id_ in before and before[id_] is not one]),
        ("removed", [id_ for id_ in before if id_ not in after]),
    ):
        if ids:
            yield f"{word} {_listed(ids)}"


def _listed(names: list[str]) -> str:
    more = len(names) - NAMES_MAX
    return f"{', '.join(names[:NAMES_MAX])} and {more} more" if more > 0 else ", ".join(names)

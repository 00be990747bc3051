"""Opens what the settings say about access: the tokens of their data folder, and how many wrong ones may come."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from vitalcast.access.access import Access
from vitalcast.access.attempts import Attempts
from vitalcast.config.folders import data_folder
from vitalcast.config.loopback import is_loopback

if TYPE_CHECKING:
    from vitalcast.config.limits import Limits
    from vitalcast.config.schema import Settings
    from vitalcast.core.panels.schema import Panel


def open_access(
    settings: Settings,
    *,
    panels: Callable[[], Iterable[Panel]] | None = None,
    now_ms: Callable[[], int] | None = None,
) -> Access:
    """Return the access that a server with these settings has. `panels` are those of the settings unless given.

    Raises ConfigError where the tokens cannot be read.
    """
    server = settings.server
    clock = {} if now_ms is None else {"now_ms": now_ms}
    return Access(
        data_folder(settings.access.data_dir),
        panels=panels or (lambda: settings.panels),
        host=server.host,
        loopback=is_loopback(server.host),
        no_auth=server.no_auth,
        allowed_origins=server.allowed_origins,
        **clock,
    )


def open_attempts(access: Access, limits: Limits) -> Attempts:
    """Return the check of tokens that allows as many wrong ones as these limits."""
    return Attempts(access, total=limits.failed_tokens_per_minute, each=limits.failed_tokens_per_minute_per_address)

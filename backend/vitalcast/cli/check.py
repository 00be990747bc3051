"""`vitalcast check`: the settings in force, where each came from, and what is odd about them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from vitalcast.cli.options import (
    Certfile,
    Config,
    Host,
    HostName,
    Interval,
    Keyfile,
    LogLevel,
    NoAuth,
    Port,
    overrides_of,
)
from vitalcast.cli.output import say
from vitalcast.errors import AskError, HistoryError

if TYPE_CHECKING:
    from vitalcast.config.schema import Settings


def check(
    host: Host = None,
    port: Port = None,
    config: Config = None,
    interval: Interval = None,
    log_level: LogLevel = None,
    no_auth: NoAuth = False,
    certfile: Certfile = None,
    keyfile: Keyfile = None,
    host_name: HostName = None,
) -> None:
    """Check the settings, and show where each came from."""
    given = overrides_of(host, port, interval, log_level, certfile, keyfile, host_name, no_auth=no_auth)
    from vitalcast.config.load import load_settings
    from vitalcast.config.schema import TABLES
    from vitalcast.config.toml import show

    loaded = load_settings(config, given)
    from vitalcast.web.app import create_app  # which takes a while that nobody waits whose settings are wrong

    # What only the parts know is checked as they are built: names of collectors, and of metrics.
    for warning in (*loaded.warnings, *create_app(loaded.settings).warnings):
        say(f"warning: {warning}", err=True)
    rows = [(key, show(value), loaded.origins[key]) for key, value in loaded.settings.items()]
    for name in TABLES:
        titles = [(f"{name}.{one.id}", show(one.title)) for one in getattr(loaded.settings, name)]
        rows += [(*row, loaded.origins[name]) for row in titles or [(name, "[]")]]
    _write(rows)
    for line in _history(loaded.settings, config):
        say(f"history: {line}", err=True)


def _write(rows: list[tuple[str, str, str]]) -> None:
    if not sys.stdout.isatty():
        say("\n".join("\t".join(row) for row in rows))
        return

    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table("setting", "value", "from")
    for row in rows:
        table.add_row(*map(Text, row))
    Console().print(table)


def _history(settings: Settings, config: Path | None) -> list[str]:
    """Say how much history the running server has, or one has left, or how far a new one will reach."""
    from vitalcast.cli.asking import running_server

    try:
        server = running_server(config)
        if server is not None:
            return server.lines("reach")
        from vitalcast.live.offline import reach_of_files

        return reach_of_files(settings)
    except (AskError, HistoryError) as error:
        return [str(error)]

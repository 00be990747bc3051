"""`vitalcast`: the server."""

from __future__ import annotations

import gc
import os
import signal
from typing import Annotated

import typer

from vitalcast import __version__
from vitalcast.cli import output
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


def _print_version(wanted: bool) -> None:
    if wanted:
        say(f"vitalcast {__version__}")
        raise typer.Exit


def serve(
    context: typer.Context,
    host: Host = None,
    port: Port = None,
    config: Config = None,
    interval: Interval = None,
    log_level: LogLevel = None,
    no_auth: NoAuth = False,
    certfile: Certfile = None,
    keyfile: Keyfile = None,
    host_name: HostName = None,
    open_browser: Annotated[bool, typer.Option("--open", help="Open the browser when ready.")] = False,
    version: Annotated[  # noqa: ARG001 - handled before this function is called
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Stream this machine's vital signs, live, to every screen that wants them. Without a command, start the server."""
    overrides = overrides_of(host, port, interval, log_level, certfile, keyfile, host_name, no_auth=no_auth)
    if context.invoked_subcommand is not None:
        # Dropping an option in silence would be worse than being strict about its place.
        if overrides or config is not None or open_browser:
            context.fail(f"Options of the server do not apply before '{context.invoked_subcommand}'.")
        return
    if hasattr(signal, "pthread_sigmask"):
        # A request to reload waits in the kernel until there is a server: it neither ends the process nor gets lost.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    # Imports take most of a start: no garbage is looked for in them, where there is none, and numpy starts no threads.
    gc.disable()
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from vitalcast.config.load import load_settings

    loaded = load_settings(config, overrides)
    from vitalcast.web.serve import serve as run

    output.go_on_without()
    raise typer.Exit(run(loaded, open_browser=open_browser))

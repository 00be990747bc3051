"""The command line: `vitalcast` serves, `check` shows settings, `tail` follows series, `token` and `screens` let in.

What only one command needs is imported inside it, so that each starts fast.
"""

from __future__ import annotations

import functools
import gc
import io
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NoReturn

import typer

from vitalcast import __version__
from vitalcast.cli import output, reload, screens, token
from vitalcast.cli.output import say
from vitalcast.core.vocabulary import Aggregate
from vitalcast.errors import ConfigError, OutputError, VitalcastError

if TYPE_CHECKING:
    from vitalcast.config.load import Loaded

EXIT_FAILED = 1
EXIT_MISUSED = 2
TOKEN_VARIABLE = "VITALCAST_TOKEN"  # noqa: S105 - the name of a variable


app = typer.Typer(
    name="vitalcast",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

app.add_typer(token.app)
app.add_typer(screens.app)
app.command()(reload.reload)

Host = Annotated[
    str | None,
    typer.Option("--host", help="Address to listen on; any but loopback requires tokens.", show_default="127.0.0.1"),
]
Port = Annotated[
    int | None, typer.Option("--port", help="Port to listen on; 0 picks a free port.", show_default="8000")
]
Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="TOML file with settings.",
        show_default="./config.toml, or else the one in your configuration folder",
    ),
]
Interval = Annotated[
    float | None,
    typer.Option("--interval", metavar="SECONDS", help="Interval between ticks.", show_default="1.0"),
]
LogLevel = Annotated[
    Literal["critical", "error", "warning", "info", "debug"] | None,
    typer.Option("--log-level", help="Minimum level of log lines.", show_default="warning"),
]
Certfile = Annotated[
    str | None, typer.Option("--certfile", metavar="FILE", help="Certificate chain in PEM format, to serve HTTPS.")
]
Keyfile = Annotated[
    str | None,
    typer.Option("--keyfile", metavar="FILE", help="Its private key, if the certificate's file does not contain it."),
]
HostName = Annotated[
    str | None,
    typer.Option("--host-name", metavar="NAME", help="Name of this machine.", show_default="its host name"),
]
NoAuth = Annotated[bool, typer.Option("--no-auth", help="Serve everybody who can connect, without a token.")]


def _print_version(wanted: bool) -> None:
    if wanted:
        say(f"vitalcast {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
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
    overrides = _overrides(host, port, interval, log_level, certfile, keyfile, host_name, no_auth=no_auth)
    if context.invoked_subcommand is not None:
        # Dropping an option in silence would be worse than being strict about its place.
        if overrides or config is not None or open_browser:
            context.fail(f"Options of the server do not apply before '{context.invoked_subcommand}'.")
        return
    # Imports take most of a start: no garbage is looked for in them, where there is none, and numpy starts no threads.
    gc.disable()
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    loaded = _load(config, overrides)
    from vitalcast.web.serve import serve as run

    output.go_on_without()
    raise typer.Exit(run(loaded, open_browser=open_browser))


@app.command()
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
    given = _overrides(host, port, interval, log_level, certfile, keyfile, host_name, no_auth=no_auth)
    loaded = _load(config, given)

    from vitalcast.config.schema import TABLES
    from vitalcast.config.toml import show
    from vitalcast.web.app import create_app

    # What only the parts know is checked as they are built: names of collectors, and of metrics.
    for warning in (*loaded.warnings, *create_app(loaded.settings).warnings):
        say(f"warning: {warning}", err=True)
    rows = [(key, show(value), loaded.origins[key]) for key, value in loaded.settings.items()]
    for name in TABLES:
        titles = [(f"{name}.{one.id}", show(one.title)) for one in getattr(loaded.settings, name)]
        rows += [(*row, loaded.origins[name]) for row in titles or [(name, "[]")]]
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


@app.command()
def tail(
    patterns: Annotated[
        list[str], typer.Argument(metavar="PATTERN...", help="Metrics, such as 'system.cpu.*' or 'system.>'.")
    ],
    url: Annotated[str, typer.Option("--url", help="The server's WebSocket.")] = "ws://127.0.0.1:8000/ws",
    interval: Annotated[
        float | None,
        typer.Option("--interval", metavar="SECONDS", min=0.1, max=3600, help="Interval between ticks."),
    ] = None,
    aggregate: Annotated[
        list[Aggregate] | None,
        typer.Option("--aggregate", help="How samples are aggregated over the interval; may be repeated."),
    ] = None,
    backfill: Annotated[
        float | None,
        typer.Option("--backfill", metavar="SECONDS", min=0, max=86400, help="Start this far back."),
    ] = None,
    count: Annotated[int | None, typer.Option("--count", min=1, help="Stop after this many ticks.")] = None,
    token: Annotated[
        str | None,
        typer.Option(
            "--token",
            metavar="TOKEN",
            envvar=TOKEN_VARIABLE,
            help="Token, if the server requires it. Prefer the variable: other users of this machine can read options.",
        ),
    ] = None,
) -> None:
    """Follow series of a server, as a live table or as lines of JSON."""
    from vitalcast.cli.live_table import LiveTable, terminal_size
    from vitalcast.cli.tail_output import JsonLines
    from vitalcast.client.follow import follow, socket_url
    from vitalcast.client.stream import Request

    request = Request(tuple(patterns), interval, tuple(one.value for one in aggregate or ()), backfill)
    try:
        address = socket_url(url)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--url") from None
    token = (token or "").strip() or None
    if token is not None and not (token.isascii() and token.isprintable()):
        raise typer.BadParameter("a token contains only letters, digits and . - _", param_hint="--token")
    try:
        # A terminal that cannot move its cursor gets lines as well.
        if not sys.stdout.isatty() or os.environ.get("TERM") == "dumb":
            follow(address, request, JsonLines(sys.stdout, sys.stderr), count=count, token=token)
            return

        from rich.console import Console

        if isinstance(sys.stdout, io.TextIOWrapper):  # a terminal may know no other letters than ASCII
            sys.stdout.reconfigure(errors="replace")
        with LiveTable(Console(), size=functools.partial(terminal_size, sys.stdout.fileno())) as table:
            follow(address, request, table, count=count, token=token)
    except KeyboardInterrupt:  # how one leaves
        return
    except OutputError as error:
        if not isinstance(error.cause, BrokenPipeError):  # which says that the reader has left, as `| head` does
            raise


@app.command()
def bench(
    quick: Annotated[bool, typer.Option("--quick", help="A smaller, shorter run: about a minute.")] = False,
    only: Annotated[
        str | None,
        typer.Option("--only", metavar="NAME|NAME", help="Run only these benchmarks; an unknown name lists all."),
    ] = None,
    json: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Also write all results to FILE.")] = None,
    compare: Annotated[
        Path | None, typer.Option("--compare", metavar="FILE", help="Compare with FILE, written by --json.")
    ] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the table as Markdown.")] = False,
) -> None:
    """Measure what Vitalcast promises on this machine."""
    from vitalcast.cli.bench import run

    arguments = [flag for flag, given in (("--quick", quick), ("--markdown", markdown)) if given]
    for option, value in (("--only", only), ("--json", json), ("--compare", compare)):
        arguments += [] if value is None else [option, str(value)]
    raise typer.Exit(run(arguments))


def main() -> NoReturn:
    """Run the command line, and turn every expected error into lines on stderr and an exit code."""
    # None of pydantic's plugins is wanted; to look for them it would read what every installed package declares.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    output.prepare()
    try:
        try:
            app(prog_name="vitalcast")
        finally:
            sys.stdout.flush()
    except VitalcastError as error:
        for line in str(error).splitlines():
            say(f"vitalcast: error: {line}", err=True)
        sys.exit(EXIT_MISUSED if isinstance(error, ConfigError) else EXIT_FAILED)
    sys.exit(0)


def _overrides(
    host: str | None,
    port: int | None,
    interval: float | None,
    log_level: str | None,
    certfile: str | None,
    keyfile: str | None,
    host_name: str | None,
    *,
    no_auth: bool,
) -> dict[str, Any]:
    given = {
        "server.host": host,
        "server.port": port,
        "server.no_auth": no_auth or None,
        "server.certfile": certfile,
        "server.keyfile": keyfile,
        "server.log_level": log_level,
        "host.name": host_name,
        "sampler.interval_s": interval,
    }
    return {key: value for key, value in given.items() if value is not None}


def _load(config: Path | None, overrides: dict[str, Any]) -> Loaded:
    from vitalcast.config.load import load_settings

    return load_settings(config, overrides)

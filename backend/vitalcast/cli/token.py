"""`vitalcast token`: makes tokens, lists them, takes them back.

The text of a token goes to standard output alone, so that a script can take it; all else goes to standard error.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vitalcast.cli.options import ServerConfig
from vitalcast.cli.output import say
from vitalcast.core.durations import duration_of, seconds_of
from vitalcast.core.vocabulary import Scope
from vitalcast.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Collection

    from vitalcast.access.access import Access, Record
    from vitalcast.config.schema import Settings

EXIT_FAILED = 1
EXPIRES = "90d"
NEVER = "never"
EXPIRES_S_MAX = 100 * 365 * 86_400
SINCE = "15m"
EVER = "ever"
OPTIONS = {
    "metrics": "--metrics",
    "interval": "--interval",
    "panels": "--panel",
    "dashboard": "--dashboard",
    "origins": "--origin",
    "since": "--since",
    "name": "--name",
}


app = typer.Typer(
    name="token",
    help="Create, list and revoke the tokens of people, pages and programs.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


def lifetime_s(text: str) -> float | None:
    """Return the seconds that `30d`, `12h` or `never` mean, None for the last. Raises ValueError."""
    return _seconds(text, NEVER)


def since_s(text: str) -> float | None:
    """Return the seconds that `15m`, `30d` or `ever` mean, None for the last. Raises ValueError."""
    return _seconds(text, EVER)


def _seconds(text: str, endless: str) -> float | None:
    if text.lower() == endless:
        return None
    try:
        seconds = seconds_of(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= EXPIRES_S_MAX:
        raise ValueError(f"{text!r} is not a duration; give 30d, 12h, 45m or the like, up to 36500d, or {endless}")
    return seconds


@app.command()
def create(
    scope: Annotated[
        Scope,
        typer.Option(
            "--scope",
            help="view: look at everything; embed: show panels on other sites; stream: read some metrics; "
            "admin: all of this, and manage screens and tokens.",
        ),
    ],
    name: Annotated[
        str, typer.Option("--name", metavar="NAME", help="What it is for, to recognise it in the list.")
    ] = "",
    expires: Annotated[
        str, typer.Option("--expires", metavar="TIME", help="When it expires, such as 30d, 12h or 45m, or never.")
    ] = EXPIRES,
    panel: Annotated[
        list[str] | None, typer.Option("--panel", metavar="ID", help="Panel it may show; may be repeated.")
    ] = None,
    dashboard: Annotated[bool, typer.Option("--dashboard", help="Allow the dashboard: all panels.")] = False,
    origin: Annotated[
        list[str] | None,
        typer.Option(
            "--origin",
            metavar="ORIGIN",
            help="Site whose pages may use it, such as https://wiki.example.org; may be repeated.",
        ),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            "--since",
            metavar="TIME",
            help="How far back an embed or stream token sees, such as 24h or 30d, or ever: all that is kept.",
            show_default=f"{SINCE} for embed, ever for stream",
        ),
    ] = None,
    metrics: Annotated[
        list[str] | None,
        typer.Option(
            "--metrics",
            metavar="PATTERN",
            help="Metrics it may read, such as 'system.cpu.*'; 'table.processes' is the process table and the "
            "names of programs and users. May be repeated.",
        ),
    ] = None,
    interval: Annotated[
        float,
        typer.Option(
            "--interval",
            metavar="SECONDS",
            help="Shortest interval it may request.",
            show_default="the server's",
        ),
    ] = 0,
    config: ServerConfig = None,
) -> None:
    """Create a token and print it. It is stored nowhere: note it now."""
    from vitalcast.access.tokens import USUAL_S
    from vitalcast.errors import LimitsError

    expires_s = _option("--expires", lifetime_s, expires)
    back_s = USUAL_S if since is None else _option("--since", since_s, since)
    settings, access = _open(config)
    first = not access.required
    try:
        token, record = access.mint(
            scope,
            name=name,
            expires_s=expires_s,
            metrics=metrics or (),
            interval_s=interval,
            panels=panel or (),
            dashboard=dashboard,
            origins=origin or (),
            since_s=back_s,
        )
    except LimitsError as error:
        raise typer.BadParameter(error.message, param_hint=OPTIONS[error.key]) from None
    for line in _news(record, settings, access.folder, default_end=expires == EXPIRES, first=first):
        say(line, err=True)
    try:
        say(token)
    except OutputError:  # nobody will ever have it, and it would have the server ask everyone for one
        access.revoke(record.id)
        say(f"vitalcast: {record.id} is revoked, since nobody has seen it", err=True)
        raise


def _option(name: str, parse: Callable[[str], float | None], text: str) -> float | None:
    try:
        return parse(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=name) from None


@app.command("list")
def show(config: ServerConfig = None) -> None:
    """List all tokens without their secrets, as a table or as tab-separated lines."""
    settings, access = _open(config)
    panels = {panel.id for panel in settings.panels}
    records = access.records()
    if not sys.stdout.isatty():
        for record in records:
            say("\t".join(_fields(record, panels, access.now_ms())))
        return

    if not records:
        say("There are no tokens. `vitalcast token create` creates a token.", err=True)
        return

    from rich.console import Console
    from rich.table import Column, Table
    from rich.text import Text

    table = Table("id", "name", "scope", Column("may see", overflow="fold"), "state", "expires")
    for record in records:
        end = when(record.expires_ms)
        row = (record.id, record.name, record.scope.value, may_see(record, panels), record.state(access.now_ms()), end)
        table.add_row(*map(Text, row))
    Console().print(table)


def _fields(record: Record, panels: Collection[str], now_ms: int) -> list[str]:
    times = [iso(time_ms) for time_ms in (record.created_ms, record.expires_ms, record.revoked_ms)]
    return [record.id, record.state(now_ms), record.scope.value, record.name, *times, may_see(record, panels)]


@app.command()
def revoke(
    ids: Annotated[list[str], typer.Argument(metavar="ID...", help="As shown by `vitalcast token list`.")],
    config: ServerConfig = None,
) -> None:
    """Revoke tokens; their sockets close within a second."""
    _, access = _open(config)
    known = {record.id for record in access.records()}
    for id_ in ids:
        if id_ not in known:
            what = "is a token, not its id" if "." in id_ else "is not the id of a token here"
            shown = f"{id_[:8]}…" if "." in id_ else repr(id_)
            say(f"vitalcast: error: {shown} {what}; `vitalcast token list` shows the ids", err=True)
        elif access.revoke(id_):
            say(f"{id_} is revoked", err=True)
        else:
            say(f"{id_} was already revoked", err=True)
    if not known.issuperset(ids):
        raise typer.Exit(EXIT_FAILED)


def _open(config: Path | None) -> tuple[Settings, Access]:
    from vitalcast.config.load import load_settings
    from vitalcast.live.open_access import open_access

    settings = load_settings(config).settings
    return settings, open_access(settings)


# --- words -----------------------------------------------------------------------------------------------------------


def may_see(record: Record, panels: Collection[str]) -> str:
    """Say in words what a token lets its holder see, where there are these panels."""
    match record.scope.value:
        case "view":
            return "everything"
        case "admin":
            return "everything, and manages screens and tokens"
        case "stream":
            pace = f", every {record.interval_s:g} s at most" if record.interval_s else ""
            return ", ".join(record.metrics) + pace + _back(record)
    named = [f"panel {id_}{'' if id_ in panels else ' (removed)'}" for id_ in record.panels]
    parts = ["the dashboard"] if record.dashboard else named
    where = f" on pages of {', '.join(record.origins)}" if record.origins else ""
    return ", ".join([*parts, *record.metrics]) + where + _back(record)


def _back(record: Record) -> str:
    """Say how far back a token sees, where that is not as usual."""
    from vitalcast.access.tokens import usual_since_s

    if record.since_s == usual_since_s(record.scope):
        return ""
    return ", as far back as anything is kept" if record.since_s is None else f", {duration_of(record.since_s)} back"


def _shown(record: Record) -> str:
    """Return the end of the address of what an embed token shows."""
    return "dashboard" if record.dashboard or not record.panels else f"panel/{record.panels[0]}"


def when(time_ms: int | None) -> str:
    """Return a time as this machine's clock has it."""
    if time_ms is None:
        return NEVER
    from datetime import UTC, datetime

    return datetime.fromtimestamp(time_ms / 1000, UTC).astimezone().strftime("%Y-%m-%d %H:%M")


def iso(time_ms: int | None) -> str:
    if time_ms is None:
        return ""
    from datetime import UTC, datetime

    return datetime.fromtimestamp(time_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _news(record: Record, settings: Settings, folder: Path, *, default_end: bool, first: bool) -> list[str]:
    from vitalcast.config.loopback import is_loopback

    public = settings.server.public_base
    base, page = public or "/", f"at {public}" if public else "on the dashboard"
    uses = {
        "view": f"Log in with it {page}, send it as `Authorization: Bearer TOKEN`, or give it to "
        "`vitalcast tail` as VITALCAST_TOKEN.",
        "stream": "Send it as `Authorization: Bearer TOKEN` or in `hello`, or give it to `vitalcast tail` as "
        "VITALCAST_TOKEN.",
        "embed": f"Put it in the address of a frame, as {base}embed/{_shown(record)}?token=TOKEN, or into "
        '<vitalcast-panel token="TOKEN">.',
    }
    lines = [f"Token {record.id} sees {may_see(record, record.panels)}, on servers with the data folder {folder}."]
    lines.append(uses.get(record.scope.value, uses["view"]))
    if record.scope.value == "embed" and not record.origins:
        lines.append(
            "It names no site (--origin): frames and elements on other sites then need the sites in the settings."
        )
    if record.expires_ms is None:
        lines.append("It never expires.")
    else:
        lines.append(f"It expires on {when(record.expires_ms)}{' (see --expires)' if default_end else ''}.")
    lines.append(f"`vitalcast token revoke {record.id}` revokes it. The token is shown only now:")
    if first and is_loopback(settings.server.host) and not settings.server.no_auth:
        lines.insert(-1, "From its next start, the server requires a token from everybody, on this machine too.")
    return lines

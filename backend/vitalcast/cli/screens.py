"""`vitalcast screens`: lists the wall screens, lets one in, names it, sends it elsewhere and turns it out.

It works on what a running server knows too: both read and write the same data folder.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vitalcast.cli.options import ServerConfig
from vitalcast.cli.output import say
from vitalcast.cli.token import iso, when

if TYPE_CHECKING:
    from vitalcast.access.screens import Screen, Screens
    from vitalcast.config.schema import Settings

OWN = "the playlist in its address"

app = typer.Typer(
    name="screens",
    help="List, approve, rename, switch and revoke wall screens.",
    rich_markup_mode=None,
)

Id = Annotated[str, typer.Argument(metavar="ID", help="Its id, as shown by `vitalcast screens`, or its name.")]


@app.callback(invoke_without_command=True)
def main(context: typer.Context, config: ServerConfig = None) -> None:
    if context.invoked_subcommand is None:
        show(config)
    elif config is not None:
        context.fail(f"Give --config after '{context.invoked_subcommand}'.")


@app.command("list")
def show(config: ServerConfig = None) -> None:
    """List all screens, as a table or as tab-separated lines."""
    _, screens = _open(config)
    found, now_ms = screens.all(), screens.now_ms()
    if not sys.stdout.isatty():
        for screen in found:
            say("\t".join(_fields(screen, now_ms)))
        return

    if not found:
        say("There are no screens. Open /wall on a screen: it shows a code, at once or when you press P.", err=True)
        return

    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table("id", "name", "shows", "state", "address", "paired")
    for screen in found:
        state = "online" if screen.online(now_ms) else f"last seen {when(screen.seen_ms)}"
        row = (screen.id, screen.name, screen.playlist or OWN, state, screen.address, when(screen.paired_ms))
        table.add_row(*map(Text, row))
    Console().print(table)


def _fields(screen: Screen, now_ms: int) -> list[str]:
    state = "online" if screen.online(now_ms) else "offline"
    times = [iso(screen.seen_ms), iso(screen.paired_ms)]
    return [screen.id, state, screen.name, screen.playlist, screen.address, *times, screen.agent]


@app.command()
def approve(
    code: Annotated[str, typer.Argument(metavar="CODE", help="The code shown on the screen.")],
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="Its name.")] = "",
    playlist: Annotated[
        str, typer.Option("--playlist", metavar="ID", help="The playlist it shows.", show_default=OWN)
    ] = "",
    config: ServerConfig = None,
) -> None:
    """Approve the screen that shows this code."""
    settings, screens = _open(config)
    _check(playlist, settings)
    pairing = screens.pairings.approve(code, name=name, playlist=playlist)
    shows = f"the playlist {playlist}" if playlist else OWN
    say(f"The screen at {pairing.address} starts within seconds, as {pairing.name!r}, with {shows}.", err=True)
    say(f"It reports itself as {pairing.agent or 'nothing'}.", err=True)
    say(
        "If it is not yours, `vitalcast screens` shows its id and `vitalcast screens revoke ID` logs it out.",
        err=True,
    )


@app.command()
def rename(
    screen: Id, name: Annotated[str, typer.Argument(metavar="NAME", help="Its new name.")], config: ServerConfig = None
) -> None:
    """Rename a screen."""
    _, screens = _open(config)
    changed = screens.change(screen, name=name)
    say(f"{changed.id} is now called {changed.name!r}", err=True)


@app.command()
def send(
    screen: Id,
    playlist: Annotated[str, typer.Argument(metavar="PLAYLIST", help=f"The id of a playlist; '' goes back to {OWN}.")],
    config: ServerConfig = None,
) -> None:
    """Switch a screen to another playlist; it follows within seconds."""
    settings, screens = _open(config)
    _check(playlist, settings)
    changed = screens.change(screen, playlist=playlist)
    say(f"{changed.name!r} ({changed.id}) shows {playlist or OWN}", err=True)


@app.command()
def revoke(
    ids: Annotated[list[str], typer.Argument(metavar="ID...", help="As shown by `vitalcast screens`.")],
    config: ServerConfig = None,
) -> None:
    """Log screens out at once; each shows a code again."""
    _, screens = _open(config)
    wanted = {screen.id: screen for screen in map(screens.get, ids)}  # all of them, or none
    for id_, screen in wanted.items():
        screens.revoke(id_)
        say(f"{screen.name!r} ({id_}) is logged out", err=True)


def _open(config: Path | None) -> tuple[Settings, Screens]:
    from vitalcast.access.screens import Screens
    from vitalcast.config.load import load_settings
    from vitalcast.live.open_access import open_access

    settings = load_settings(config).settings
    return settings, Screens(open_access(settings))


def _check(playlist: str, settings: Settings) -> None:
    from vitalcast.dashboards.store import DashboardStore

    if playlist:
        DashboardStore(settings.panels, settings.playlists).playlist(playlist)

"""The command line: `vitalcast` serves, `check` shows settings, `tail` follows series, `history` looks back, and so on.

What only one command needs is imported inside it, so that each starts fast.
"""

from __future__ import annotations

import os
import sys
from typing import NoReturn

import typer

from vitalcast.cli import output, screens, service, token
from vitalcast.cli.bench import bench
from vitalcast.cli.check import check
from vitalcast.cli.events import events
from vitalcast.cli.history import history
from vitalcast.cli.mark import WithCommand, mark
from vitalcast.cli.output import say
from vitalcast.cli.reload import reload
from vitalcast.cli.serve import serve
from vitalcast.cli.tail import tail
from vitalcast.cli.who import who
from vitalcast.errors import ConfigError, VitalcastError

EXIT_FAILED = 1
EXIT_MISUSED = 2

app = typer.Typer(
    name="vitalcast",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.callback(invoke_without_command=True)(serve)
app.add_typer(token.app)
app.add_typer(screens.app)
app.add_typer(service.app)
for command in (reload, check, tail, history, who, events):
    app.command()(command)
app.command(cls=WithCommand)(mark)
app.command()(bench)


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

"""`vitalcast mark`: puts a mark on every chart, for a moment or for as long as a command runs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Annotated, Any, Final

import typer
from typer.core import TyperCommand

from vitalcast import clocks
from vitalcast.cli.asking import Server, fetch, server_at, server_of
from vitalcast.cli.options import ServerConfig, ServerUrl, Token
from vitalcast.cli.output import say
from vitalcast.cli.when import FORMS, moment_of
from vitalcast.client.api import ApiRequest
from vitalcast.core.events.checked import checked_title
from vitalcast.core.events.event import Severity
from vitalcast.errors import VitalcastError

PATH: Final = "/api/v1/events"
COMMAND: Final = "vitalcast.command"  # in the context: what stands after --
EXIT_NOT_EXECUTABLE, EXIT_NOT_FOUND = 126, 127  # as shells have it
EXIT_SIGNAL: Final = 128
ANNOUNCED_S: Final = 10.0  # how long the end of a command waits until its beginning is told
PASSED_ON: Final = ("SIGTERM", "SIGHUP", "SIGINT", "SIGQUIT", "SIGUSR1", "SIGUSR2")
OF_THE_TERMINAL: Final = ("SIGINT", "SIGQUIT")  # which a terminal sends to the command as well


class WithCommand(TyperCommand):
    """A command that takes another after `--`, whose options are its own.

    A context is of click, of which newer versions of typer bring a copy and older ones do not.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if "--" in args:
            at = args.index("--")
            ctx.meta[COMMAND] = args[at + 1 :]
            args = args[:at]
        return super().parse_args(ctx, args)

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        return [*super().collect_usage_pieces(ctx), "[-- COMMAND...]"]


def mark(
    context: typer.Context,
    title: Annotated[str, typer.Argument(metavar="TITLE", help="What happened, such as 'deploy 1.4'.")],
    at: Annotated[
        str | None, typer.Option("--at", metavar="TIME", help=f"When it happened: {FORMS}.", show_default="now")
    ] = None,
    severity: Annotated[Severity, typer.Option("--severity", help="How bad it is.")] = Severity.INFO,
    url: ServerUrl = None,
    token: Token = None,
    config: ServerConfig = None,
) -> None:
    """Mark a moment, or the time that a command takes.

    Only the title and the command's exit code are kept, never its arguments. The command runs even where no server
    can be reached; its exit code is that of this one. A server at --url wants a token of scope admin.

    \b
    vitalcast mark 'deploy 1.4'
    vitalcast mark 'the lights went out' --at 02:10 --severity critical
    vitalcast mark backup -- restic backup /home
    """
    command: list[str] | None = context.meta.get(COMMAND)
    body: dict[str, Any] = {"title": _title(title), "severity": severity.value}
    if command is None:
        if at is not None:
            body["time"] = _past(at)
        event = fetch(server_of(url, token, config), _request(body))
        say(f"marked: {event.get('title', title)}", err=True)
        return
    if not command:
        raise typer.BadParameter("there is no command after --", param_hint="--")
    if at is not None:
        raise typer.BadParameter("a command is marked as it runs; leave one of both out", param_hint="--at")
    remote = None if url is None else server_at(url, token)  # what is wrong with these is said before anything runs
    span = _Span(body, lambda: remote or server_of(None, token, config))
    span.begin()
    code = run(command)
    span.end(code)
    raise typer.Exit(code)


def _title(text: str) -> str:
    """Return a title that a server will take: a command is not run first and found to have none afterwards."""
    try:
        return checked_title(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="TITLE") from None


def _past(text: str) -> int:
    now_ms = clocks.wall_ms()
    try:
        moment_ms = moment_of(text, now_ms)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--at") from None
    if moment_ms > now_ms:
        raise typer.BadParameter(f"{text!r} is yet to come", param_hint="--at")
    return moment_ms


def _request(body: dict[str, Any]) -> ApiRequest:
    return ApiRequest(PATH, {}, method="POST", body=body)


class _Span:
    """The mark of a command: begun while it starts, so that it need not wait, and ended with its exit code."""

    def __init__(self, body: dict[str, Any], find: Callable[[], Server]) -> None:
        self._body = body
        self._find = find
        self._time_ms = clocks.wall_ms()
        self._id: str | None = None
        self._telling = threading.Thread(target=self._tell_beginning, daemon=True)
        self._trouble = ""

    def begin(self) -> None:
        self._telling.start()

    def end(self, code: int) -> None:
        """Tell the end; where the beginning could not be told, both at once. What goes wrong is said."""
        end_ms = clocks.wall_ms()
        self._telling.join(ANNOUNCED_S)
        attributes = {"exit_code": code}
        whole = self._body | {"time": self._time_ms, "end": end_ms, "attributes": attributes}
        known = None if self._id is None else {"id": self._id, "end": end_ms, "attributes": attributes}
        for body in (known, whole):
            if body is not None and self._sent(body) is not None:
                return
        say(f"vitalcast: warning: the mark was not kept: {self._trouble}", err=True)

    def _tell_beginning(self) -> None:
        event = self._sent(self._body | {"time": self._time_ms, "ongoing": True})
        self._id = None if event is None else str(event.get("id"))

    def _sent(self, body: dict[str, Any]) -> dict[str, Any] | None:
        try:
            return fetch(self._find(), _request(body))
        except VitalcastError as error:
            self._trouble = str(error) or error.__class__.__name__
            return None


def run(command: Sequence[str]) -> int:
    """Run a command with our standard streams, and pass on what signals we get; return its exit code as shells do."""
    sys.stdout.flush()
    with _holding_signals() as passing_to:
        try:
            process = subprocess.Popen(command, restore_signals=True)  # noqa: S603 - what it is here for
        except FileNotFoundError:
            say(f"vitalcast: error: {command[0]}: there is no such command", err=True)
            return EXIT_NOT_FOUND
        except (OSError, ValueError) as error:
            say(f"vitalcast: error: {command[0]}: {getattr(error, 'strerror', None) or error}", err=True)
            return EXIT_NOT_EXECUTABLE
        passing_to(process)
        code = process.wait()
    return code if code >= 0 else EXIT_SIGNAL - code


@contextmanager
def _holding_signals() -> Iterator[Callable[[subprocess.Popen[bytes]], None]]:
    """Keep signals from ending us; once the process is known they are passed on to it, those from before too."""
    held: list[int] = []
    process: subprocess.Popen[bytes] | None = None

    def handle(number: int, _: FrameType | None) -> None:
        if process is None:
            held.append(number)
        elif not (signal.Signals(number).name in OF_THE_TERMINAL and _in_foreground()):
            with suppress(OSError):
                process.send_signal(number)

    def pass_to(started: subprocess.Popen[bytes]) -> None:
        nonlocal process
        process = started
        for number in held:
            handle(number, None)

    numbers = [getattr(signal, name) for name in PASSED_ON if hasattr(signal, name)]
    # A command started by nohup ignores what we ignore.
    before = {one: signal.signal(one, handle) for one in numbers if signal.getsignal(one) is not signal.SIG_IGN}
    try:
        yield pass_to
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _in_foreground() -> bool:
    """Say whether a terminal sends its signals to us and to the command alike."""
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)

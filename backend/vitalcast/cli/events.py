"""`vitalcast events`: what happened, and what happens."""

from __future__ import annotations

import json as json_
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Annotated, Any, Final

import typer

from vitalcast import clocks
from vitalcast.cli.asking import Server, fetch, server_of
from vitalcast.cli.options import ServerConfig, ServerUrl, Token
from vitalcast.cli.output import say
from vitalcast.cli.past_options import Format, Since, Until, range_option, until_the_reader_leaves
from vitalcast.cli.when import local
from vitalcast.client.api import ApiRequest
from vitalcast.client.reading import NONSENSE
from vitalcast.core.drawing.format import format_duration
from vitalcast.core.events.event import ONGOING, EventKind, Severity
from vitalcast.core.text import printable
from vitalcast.errors import AskError, ClientError

PATH: Final = "/api/v1/events"
SINCE: Final = "-24h"
FOLLOW_S: Final = 1.0
AGAIN_S_MAX: Final = 30.0
OVERLAP_MS: Final = 120_000  # an event may be told late, with a time of before
SEEN_MAX: Final = 4096
STYLES: Final = {"critical": "bold red", "warning": "yellow", "info": ""}

Told = Mapping[str, Any]


def events(
    since: Since = SINCE,
    until: Until = None,
    kind: Annotated[
        list[EventKind] | None, typer.Option("--kind", help="Only events of this kind; may be repeated.")
    ] = None,
    severity: Annotated[Severity, typer.Option("--severity", help="Only events at least this bad.")] = Severity.INFO,
    limit: Annotated[
        int, typer.Option("--limit", metavar="N", min=1, max=1000, help="At most so many, the newest.")
    ] = 100,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with those that happen from now on.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Write a JSON object a line.")] = False,
    url: ServerUrl = None,
    token: Token = None,
    config: ServerConfig = None,
) -> None:
    """Show what happened, and follow what happens.

    That is boots, restarts, processes killed for want of memory, levels that rose, marks and more.

    \b
    vitalcast events --since yesterday --severity warning
    vitalcast events --kind mark --kind oom_kill --since -7d
    vitalcast events --follow --json
    """
    if follow and until is not None:
        raise typer.BadParameter("what is followed has no end; leave one of both out", param_hint="--until")
    request = ApiRequest(
        PATH,
        {
            **range_option(since, until, clocks.wall_ms()),
            "kind": [one.value for one in kind or ()],
            "severity": severity.value,
            "limit": limit,
        },
    )
    write = _writer(Format.of(json=json))
    with until_the_reader_leaves():
        if follow:
            for event in followed(lambda: server_of(url, token, config), request):
                write(event)
            return
        found = _listed(fetch(server_of(url, token, config, left=True), request))
        for event in found:
            write(event)
        if not found:
            say("vitalcast: there were no such events", err=True)
        if len(found) == limit:
            say(f"vitalcast: these are the newest {limit}; --limit shows more", err=True)


def followed(
    find: Callable[[], Server],
    request: ApiRequest,
    *,
    sleep: Callable[[float], None] = time.sleep,
    now_ms: Callable[[], int] = clocks.wall_ms,
) -> Iterator[Told]:
    """Yield events as they come, for ever; one that has changed comes again.

    Only the first request must succeed. Raises ClientError where it does not. `find` is asked for the server again
    after each failure: one that was started anew has another socket.
    """
    seen: dict[str, str] = {}
    failures = 0
    server: Server | None = None
    while True:
        try:
            server = server or find()
            told = fetch(server, request)
        except ClientError as error:
            server = None
            if not seen and not failures:
                raise
            failures += 1
            if failures == 1:
                say(f"vitalcast: {error}; trying again", err=True)
            sleep(min(AGAIN_S_MAX, FOLLOW_S * 2 ** min(failures, 5)))
            continue
        failures = 0
        for event in _listed(told):
            form = json_.dumps(event, sort_keys=True)
            if seen.get(str(event["id"])) != form:
                seen[str(event["id"])] = form
                yield event
        while len(seen) > SEEN_MAX:
            del seen[next(iter(seen))]
        request = request._replace(parameters=request.parameters | {"start": now_ms() - OVERLAP_MS, "limit": 1000})
        sleep(FOLLOW_S)


def _listed(answer: Mapping[str, Any]) -> Sequence[Told]:
    found = answer.get("events")
    if not isinstance(found, list) or not all(isinstance(one, dict) and "id" in one for one in found):
        raise AskError(NONSENSE)
    return found


def _writer(form: Format) -> Callable[[Told], None]:
    match form:
        case Format.JSON:
            return lambda event: say(json_.dumps(event, separators=(",", ":")))
        case Format.TABLE:
            return _in_terminal()
    return lambda event: say("\t".join(fields_of(event)))


def fields_of(event: Told) -> list[str]:
    """Return what a line for programs says: when, until when, kind, severity and title; times are ISO 8601."""
    times = [_iso(event.get("time")), _iso(event.get("end"))]
    return [*times, *(printable(str(event.get(name, ""))) for name in ("kind", "severity", "title"))]


def _iso(time_ms: object) -> str:
    return f"{local(time_ms).isoformat(timespec='milliseconds')}" if isinstance(time_ms, int) else ""


def _in_terminal() -> Callable[[Told], None]:
    from rich.console import Console
    from rich.text import Text

    console = Console()

    def write(event: Told) -> None:
        style = STYLES.get(str(event.get("severity")), "")
        text = Text()
        text.append(f"{local(int(event['time'])):%Y-%m-%d %H:%M:%S}  ", "dim")
        text.append(f"{printable(str(event.get('kind', ''))):<10}  ")
        text.append(f"{_shown_severity(event):<8}  ", style)
        text.append(printable(str(event.get("title", ""))), style)
        text.append(_lasting(event), "dim")
        console.print(text, highlight=False)
        sys.stdout.flush()

    return write


def _shown_severity(event: Told) -> str:
    """Return the severity where there is something to be said; in a word, since not every terminal has colours."""
    severity = str(event.get("severity", ""))
    return "" if severity == Severity.INFO else printable(severity)


def _lasting(event: Told) -> str:
    """Say how long an event has lasted, that it goes on, and how its command ended."""
    attributes = event.get("attributes")
    attributes = attributes if isinstance(attributes, dict) else {}
    words = []
    if isinstance(event.get("end"), int):
        words.append(format_duration((event["end"] - event["time"]) / 1000).replace("\u00a0", " "))
    elif ONGOING in attributes:
        words.append("goes on")
    if attributes.get("exit_code"):
        words.append(f"exit code {printable(str(attributes['exit_code']))}")
    return f"  ({', '.join(words)})" if words else ""

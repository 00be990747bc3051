"""The options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

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
ServerConfig = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="TOML file with the server's settings.",
        show_default="./config.toml, or else the one in your configuration folder",
    ),
]
ServerUrl = Annotated[
    str | None,
    typer.Option(
        "--url", metavar="URL", help="The server to ask.", show_default="the one that runs here, by its control socket"
    ),
]
ACCESS_VARIABLE = "VITALCAST_TOKEN"
Token = Annotated[
    str | None,
    typer.Option(
        "--token",
        metavar="TOKEN",
        envvar=ACCESS_VARIABLE,
        help="Token, if the server requires it. Prefer the variable: other users of this machine can read options.",
    ),
]


def overrides_of(
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
    """Return what options of the server say, by dotted key."""
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

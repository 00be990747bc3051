"""`[server]` and `[access]`: where Vitalcast listens, and who may connect."""

# Not `from __future__ import annotations`: pydantic would compile each field's text anew, at every start.

from pydantic import Field

from vitalcast.config.types import HOST_PATTERN, PORT_PATTERN, URL_PATH_PART, HostNames, LogLevel, Networks, Origins
from vitalcast.core.strict import Strict


class Server(Strict):
    """Where Vitalcast listens, and who may connect."""

    host: str = Field(
        default="127.0.0.1",
        pattern=r"^[^\s\[\]/]+$",
        max_length=255,
        description="Address to listen on; any address but loopback requires tokens, unless no_auth is set",
        json_schema_extra={"form": "an IP address or a host name, without brackets"},
    )
    port: int = Field(default=8000, ge=0, le=65535, description="Port to listen on; 0 picks a free port and prints it")
    no_auth: bool = Field(
        default=False,
        description="Serve everybody who can connect, without a token",
    )
    allowed_hosts: HostNames = Field(
        default=(),
        description="More Host headers to accept; all others are refused, which prevents DNS rebinding",
    )
    allowed_origins: Origins = Field(
        default=(),
        description="Other sites whose pages may connect; by default, none can read the metrics",
    )
    root_path: str = Field(
        default="",
        pattern=r"^(?:/[^\s?#/]+)*$",
        max_length=255,
        description="Path under which a reverse proxy publishes Vitalcast, for correct links",
        json_schema_extra={"form": 'a path such as "/vitalcast", without a slash at its end, or an empty string'},
    )
    public_url: str = Field(
        default="",
        pattern=rf"^(?:https?://{HOST_PATTERN}{PORT_PATTERN}(?:/{URL_PATH_PART})*/?)?$",
        max_length=2048,
        description="Address at which others reach this server, for links and snippets; its host is accepted as a "
        "Host header; empty: the address of each request",
        json_schema_extra={"form": 'a URL such as "https://metrics.example.org/vitalcast", or an empty string'},
    )
    frame_ancestors: Origins = Field(
        default=(),
        description="Other sites that may frame /embed and /wall; embed tokens name their own sites",
    )
    trusted_proxies: Networks = Field(
        default=(),
        description="Reverse proxies whose headers X-Forwarded-For, -Proto and -Host are trusted",
    )
    certfile: str = Field(
        default="",
        max_length=4096,
        description="Certificate chain in PEM format, to serve HTTPS; empty: HTTP",
        json_schema_extra={"form": 'the path of a file, such as "/etc/ssl/vitalcast.pem", or an empty string'},
    )
    keyfile: str = Field(
        default="",
        max_length=4096,
        description="Private key of the certificate, if the certificate's file does not contain it",
        json_schema_extra={"form": 'the path of a file, such as "/etc/ssl/vitalcast.key", or an empty string'},
    )
    fast_path: bool = Field(
        default=True,
        description="Write frames straight to uvicorn's transport, the cheapest way; false uses ASGI",
    )
    log_level: LogLevel = Field(
        default="warning", description="Minimum level of log lines; at warning, a healthy server is quiet"
    )

    @property
    def public_base(self) -> str:
        """The address at which others reach this server, with a slash at its end; empty where it is not known."""
        return f"{self.public_url.rstrip('/')}/" if self.public_url else ""


class Access(Strict):
    """Tokens and wall screens."""

    data_dir: str = Field(
        default="",
        max_length=4096,
        description="Folder for the secret, the tokens and the screens; empty: in your user's data folder",
        json_schema_extra={"form": 'the path of a folder, such as "/var/lib/vitalcast", or an empty string'},
    )

"""What may be set: every key with its type, its bounds, its default and why it is there."""

# Not `from __future__ import annotations`: pydantic would compile each field's text anew, at every start.

import difflib
import ipaddress
import socket
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal, Self
from urllib.parse import unquote, urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic.fields import FieldInfo

from vitalcast.config.toml import shown
from vitalcast.core.panels.builtin import BUILT_IN
from vitalcast.core.panels.playlist import BUILT_IN_PLAYLISTS, Playlist
from vitalcast.core.panels.schema import Panel, Patterns
from vitalcast.core.strict import Strict
from vitalcast.errors import Conflict, ConflictError
from vitalcast.machine import DEFAULT_EXCLUSIONS, HERE

ENV_PREFIX = "VITALCAST_"
ENV_DELIMITER = "__"

LogLevel = Literal["critical", "error", "warning", "info", "debug"]


HOST_PATTERN = r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])"

PORT_PATTERN = r"(?::(?:[0-9]{1,4}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?"  # to 65535


_PATH_PART = r"[A-Za-z0-9._~%!$&'()*+,;=:@-]+"  # RFC 3986, 3.3: what else stands in a path is percent-encoded


def _network(text: str) -> str:
    ipaddress.ip_network(text)
    return text


# `Field(strict=False)` lets a TOML array become a tuple; its items stay strict.
HostNames = Annotated[
    tuple[Annotated[str, StringConstraints(pattern=rf"^(?:{HOST_PATTERN}{PORT_PATTERN}|[0-9A-Fa-f:.]+)$")], ...],
    Field(strict=False, json_schema_extra={"form": 'a list of host names, such as ["metrics.example.org"]'}),
]


Networks = Annotated[
    tuple[Annotated[str, AfterValidator(_network)], ...],
    Field(strict=False, json_schema_extra={"form": 'a list of addresses or networks, such as ["10.0.0.0/8"]'}),
]


Origins = Annotated[
    tuple[Annotated[str, StringConstraints(pattern=rf"^https?://{HOST_PATTERN}{PORT_PATTERN}$")], ...],
    Field(strict=False, json_schema_extra={"form": 'a list of origins, such as ["https://wiki.example.org"]'}),
]


Names = Annotated[
    tuple[Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")], ...],
    Field(strict=False, json_schema_extra={"form": 'a list of names, such as ["sensors"]'}),
]


Globs = Annotated[
    tuple[Annotated[str, StringConstraints(min_length=1, max_length=256)], ...],
    Field(strict=False, max_length=1000, json_schema_extra={"form": 'a list of globs, such as ["sd*", "nvme[0-9]*"]'}),
]


def _root(default: Path, example: str, description: str) -> Any:
    return Field(
        default=default.as_posix(),
        pattern=r"^/",
        max_length=4096,
        description=description,
        json_schema_extra={"form": f'the absolute path of a folder, such as "{example}"'},
    )


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
        pattern=rf"^(?:https?://{HOST_PATTERN}{PORT_PATTERN}(?:/{_PATH_PART})*/?)?$",
        max_length=2048,
        description="Address at which others reach this server, for links and snippets; its host is accepted as Host "
        "header; empty: the address that each request came to",
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


class Host(Strict):
    """Which machine this is, for those who watch several."""

    id: str = Field(
        default="",
        max_length=64,
        pattern=r"^[A-Za-z0-9_-]*$",
        description="Id of this machine, which never changes; empty: made from /etc/machine-id",
        json_schema_extra={"form": "letters, digits, '-' and '_'"},
    )
    name: str = Field(
        default="",
        max_length=255,
        pattern=r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]*$",
        description="Name of this machine; empty: its host name",
        json_schema_extra={"form": 'a name such as "web-1", without control characters'},
    )


class Sampler(Strict):
    """How often this machine is sampled."""

    interval_s: float = Field(
        default=1.0,
        ge=0.1,
        le=3600,
        description="Interval between ticks, whether anybody is watching or not",
    )
    interval_min_s: float = Field(
        default=0.1,
        ge=0.1,
        le=3600,
        description="Shortest interval a subscriber may request; limits what clients can make this machine do",
    )


class Collectors(Strict):
    """What is measured on this machine."""

    disabled: Names = Field(
        default=(), description="Collectors to turn off, such as those that are slow or not wanted here"
    )
    process_command_line: bool = Field(
        default=False,
        description="Show command lines in the process table; off because arguments may hold passwords",
    )
    procfs: str = _root(
        HERE.procfs,
        "/host/proc",
        "Where /proc of the watched machine is mounted; elsewhere in a container that watches its host",
    )
    sysfs: str = _root(HERE.sysfs, "/host/sys", "Where /sys of the watched machine is mounted")
    cgroupfs: str = _root(
        HERE.cgroupfs,
        "/host/sys/fs/cgroup",
        "Where the control groups of the watched machine are mounted; no collector reads them yet",
    )
    rootfs: str = _root(
        HERE.rootfs,
        "/host/root",
        "Where the root directory of the watched machine is mounted, for its filesystems, its users and its name",
    )
    exclude_disks: Globs = Field(
        default=DEFAULT_EXCLUSIONS.disks,
        description="Disks to leave out, by name as in /sys/block. Partitions are disk/partition there; a glob with a"
        " slash is matched against that path. Here and below, an empty list leaves nothing out",
    )
    exclude_mounts: Globs = Field(
        default=DEFAULT_EXCLUSIONS.mounts,
        description="Filesystems to leave out, by mountpoint; * also matches slashes",
    )
    exclude_filesystems: Globs = Field(
        default=DEFAULT_EXCLUSIONS.filesystems,
        description="Filesystems to leave out, by type; an overlay mounted at / is always shown. A network filesystem"
        " that is not listed is measured in its own thread, since its server may never answer",
    )
    exclude_interfaces: Globs = Field(
        default=DEFAULT_EXCLUSIONS.interfaces, description="Network interfaces to leave out, by name"
    )
    exclude_sensors: Globs = Field(
        default=DEFAULT_EXCLUSIONS.sensors,
        description="Temperatures, fans and batteries to leave out, by hw.id or hw.name, such as coretemp/0 or Core 0",
    )


class Ring(Strict):
    """The latest ticks, kept in memory to fill charts at once and to resume lost connections."""

    window_s: int = Field(
        default=900,
        ge=1,
        le=86400,
        description="How far back memory reaches; 15 minutes of 200 series take 1.5 MB, or 15 MB at an interval of "
        "0.1 s",
    )
    memory_max_mib: int = Field(
        default=64,
        ge=1,
        le=4096,
        description="Maximum memory for the latest ticks; the oldest are dropped to stay below it",
    )


class History(Strict):
    """The database that keeps samples across restarts."""

    path: str = Field(
        default="",
        max_length=4096,
        description="Database path, relative to the working directory; empty: samples are kept in memory only",
        json_schema_extra={"form": 'the path of a file, such as "~/vitalcast.db", or an empty string'},
    )
    flush_s: float = Field(
        default=30.0,
        ge=0.1,
        le=3600,
        description="Interval between writes; a crash or a power cut loses no more than this",
    )
    retention_h: int = Field(
        default=24,
        ge=1,
        le=87600,
        description="How long samples are kept, counted while the machine runs; a day of 200 series takes about 15 MB",
    )


class Stream(Strict):
    """The default stream: what a plain WebSocket gets without asking."""

    metrics: Patterns = Field(
        default=(
            "system.cpu.utilization",
            "system.memory.usage",
            "system.memory.utilization",
            "system.load.average",
            "system.disk.io.rate",
            "system.network.io.rate",
        ),
        min_length=1,
        description="Patterns of its metrics; a short list, since every plain socket gets all of them",
    )
    interval_s: float = Field(default=1.0, ge=0.1, le=3600, description="Interval between its messages")


class Limits(Strict):
    """What a client may cost."""

    message_bytes: int = Field(
        default=65_536,
        ge=1024,
        le=16_777_216,
        description="Maximum size of a message from a client",
    )
    streams: int = Field(default=64, ge=1, le=10_000, description="Maximum streams per socket")
    groups: int = Field(
        default=20_000,
        ge=1,
        le=1_000_000,
        description="Maximum different subscriptions on all sockets; equal subscriptions count once",
    )
    groups_mib: int = Field(
        default=64,
        ge=1,
        le=65_536,
        description="Maximum memory for all different subscriptions; beyond it, new subscriptions are refused",
    )
    unread_mib: int = Field(
        default=64,
        ge=1,
        le=65_536,
        description="Maximum memory for data that clients have yet to read; beyond it, large answers are refused and "
        "sockets closed",
    )
    series: int = Field(default=10_000, ge=1, le=1_000_000, description="Maximum series per stream")
    series_per_source: int = Field(
        default=20_000,
        ge=100,
        le=1_000_000,
        description="Maximum series of a machine or other source; more are left out",
    )
    messages_per_second: int = Field(
        default=50,
        ge=1,
        le=100_000,
        description="Maximum messages per second from a socket; more get an error, and a lasting flood closes it",
    )
    connections: int = Field(
        default=20_000, ge=1, le=1_000_000, description="Maximum sockets at once; more are refused"
    )
    connections_per_address: int = Field(
        default=1000, ge=1, le=1_000_000, description="Maximum sockets at once from one address"
    )
    handshakes_per_second: int = Field(
        default=2000, ge=1, le=1_000_000, description="Maximum new sockets per second; more are told to try again"
    )
    handshakes_per_second_per_address: int = Field(
        default=200, ge=1, le=1_000_000, description="Maximum new sockets per second from one address"
    )
    requests_per_second: int = Field(
        default=1000,
        ge=1,
        le=1_000_000,
        description="Maximum HTTP requests per second, in bursts of up to ten seconds' worth; costly answers count as"
        " up to ten",
    )
    requests_per_second_per_address: int = Field(
        default=300,
        ge=1,
        le=1_000_000,
        description="Maximum HTTP requests per second from one address, counted likewise",
    )
    http_connections: int = Field(
        default=4000, ge=4, le=1_000_000, description="Maximum HTTP connections at once; more wait to be accepted"
    )
    http_connections_per_address: int = Field(
        default=500,
        ge=1,
        le=1_000_000,
        description="Maximum HTTP connections at once from one address; trusted proxies may have more",
    )
    header_bytes: int = Field(
        default=65_536,
        ge=1024,
        le=1_048_576,
        description="Maximum size of the request line and headers of an HTTP request",
    )
    body_bytes: int = Field(
        default=65_536, ge=1024, le=16_777_216, description="Maximum size of the body of an HTTP request"
    )
    pipelined_requests: int = Field(
        default=8,
        ge=1,
        le=1000,
        description="Maximum HTTP requests on a connection that wait for the current answer",
    )
    failed_tokens_per_minute: int = Field(
        default=600,
        ge=1,
        le=1_000_000,
        description="Maximum wrong tokens per minute; then new tokens are not checked until the next minute",
    )
    failed_tokens_per_minute_per_address: int = Field(
        default=10, ge=1, le=1_000_000, description="Maximum wrong tokens per minute from one address"
    )
    snapshot_values: int = Field(
        default=1_000_000,
        ge=1000,
        le=100_000_000,
        description="Maximum values in a snapshot; up to four times as many are read to aggregate them",
    )
    table_rows: int = Field(default=500, ge=1, le=100_000, description="Maximum rows of a table")


class Timeouts(Strict):
    """How long to wait, and how often to show signs of life."""

    heartbeat_s: float = Field(
        default=10.0,
        ge=0.1,
        le=3600,
        description="Silence after which a socket gets a heartbeat, to tell quiet from dead",
    )
    slow_s: float = Field(
        default=30.0, ge=0.1, le=3600, description="Time without a byte taken after which a socket is closed"
    )
    ping_interval_s: float = Field(
        default=20.0,
        ge=0.1,
        le=3600,
        description="Interval between WebSocket pings, which keep proxies from closing the connection",
    )
    ping_timeout_s: float = Field(
        default=20.0, ge=0.1, le=3600, description="Time to wait for a pong before the client counts as gone"
    )
    header_s: float = Field(
        default=10.0,
        ge=0.1,
        le=3600,
        description="Time to wait for the headers of an HTTP request, and for the TLS handshake, before closing the "
        "connection",
    )
    body_s: float = Field(default=20.0, ge=0.1, le=3600, description="Time to wait for the body of an HTTP request")
    idle_s: int = Field(
        default=5, ge=1, le=3600, description="Time to wait for the next HTTP request before closing the connection"
    )
    hello_s: float = Field(
        default=10.0, ge=0.1, le=3600, description="Time to wait for a hello where a token is required"
    )
    shutdown_s: float = Field(
        default=2.0,
        ge=0,
        le=300,
        description="Time that open sockets get to leave before the process exits",
    )


class Settings(BaseModel):
    """Every setting, valid and frozen.

    Constructing it reads nothing from outside, so `Settings(server={"port": 0})` is exact in a test;
    `load_settings` is what consults files and the environment.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    server: Server = Server()
    access: Access = Access()
    host: Host = Host()
    sampler: Sampler = Sampler()
    collectors: Collectors = Collectors()
    ring: Ring = Ring()
    history: History = History()
    stream: Stream = Stream()
    limits: Limits = Limits()
    timeouts: Timeouts = Timeouts()
    panels: tuple[Panel, ...] = Field(default=BUILT_IN, strict=False)
    playlists: tuple[Playlist, ...] = Field(default=BUILT_IN_PLAYLISTS, strict=False)

    @model_validator(mode="after")
    def _check_together(self) -> Self:
        conflicts = tuple(_conflicts(self))
        if conflicts:
            raise ConflictError(conflicts)
        return self

    def items(self) -> Iterator[tuple[str, Any]]:
        """Yield every dotted key with its value, in the order of the file. Panels and playlists have no dotted keys."""
        for section in SECTIONS:
            values = getattr(self, section)
            for name in type(values).model_fields:
                yield f"{section}.{name}", getattr(values, name)


def section_type(section: str) -> type[BaseModel]:
    annotation = Settings.model_fields[section].annotation
    if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
        raise TypeError(f"the section {section} is not a model")
    return annotation


# What a file may have several of, and the environment none.
TABLES = ("panels", "playlists")

# What a running server takes anew from the file, with the thresholds of panels; all else holds until it is restarted.
RELOADABLE: tuple[str, ...] = ("panels", "playlists")

SECTIONS: tuple[str, ...] = tuple(name for name in Settings.model_fields if name not in TABLES)

FIELDS: Mapping[str, FieldInfo] = MappingProxyType(
    {f"{section}.{name}": info for section in SECTIONS for name, info in section_type(section).model_fields.items()}
)


def _conflicts(settings: Settings) -> Iterator[Conflict]:
    sampler, stream, limits = settings.sampler, settings.stream, settings.limits
    if sampler.interval_min_s > sampler.interval_s:
        yield Conflict(
            ("sampler.interval_min_s", "sampler.interval_s"),
            f"{sampler.interval_min_s} is more than sampler.interval_s = {sampler.interval_s}; give the same or less",
        )
    if stream.interval_s < sampler.interval_min_s:
        yield Conflict(
            ("stream.interval_s", "sampler.interval_min_s"),
            f"{stream.interval_s} is less than sampler.interval_min_s = {sampler.interval_min_s}; "
            "give the same or more",
        )
    if limits.snapshot_values < limits.series:
        yield Conflict(
            ("limits.snapshot_values", "limits.series"),
            f"{limits.snapshot_values} is less than limits.series = {limits.series}, "
            "so that not even one tick would fit; give the same or more",
        )
    path = unquote(urlsplit(settings.server.public_url).path).rstrip("/")
    if settings.server.public_url and path != unquote(settings.server.root_path):
        yield Conflict(
            ("server.public_url", "server.root_path"),
            f"its path is {shown(path)} and server.root_path = {shown(settings.server.root_path)}; give both the same",
        )
    yield from _doubles("panels", settings.panels)
    yield from _doubles("playlists", settings.playlists)
    if settings.playlists != BUILT_IN_PLAYLISTS:  # of which what is not there is left out
        yield from _unknown_panels(settings)


def _doubles(name: str, tables: Sequence[Panel | Playlist]) -> Iterator[Conflict]:
    first: dict[str, int] = {}
    for position, one in enumerate(tables):
        if (other := first.setdefault(one.id, position)) != position:
            yield Conflict(
                (f"{name}[{position}].id", f"{name}[{other}].id"),
                f"{shown(one.id)} is the id of {name}[{other}] ({tables[other].title}) too; give each its own",
            )


def _unknown_panels(settings: Settings) -> Iterator[Conflict]:
    known = [panel.id for panel in settings.panels]
    for position, playlist in enumerate(settings.playlists):
        for number, entry in enumerate(playlist.entries):
            for id_ in entry.panels:
                if id_ in known:
                    continue
                close = difflib.get_close_matches(id_, known, 1, 0.6)
                advice = f"did you mean {close[0]}?" if close else f"there are {', '.join(known) or 'none'}"
                yield Conflict(
                    (f"playlists[{position}] ({playlist.id}).entries[{number}].panels", "playlists", "panels"),
                    f"no panel is called {shown(id_)}; {advice}",
                )


def is_loopback(host: str) -> bool:
    """Say whether only this machine can reach `host`. A name other than localhost counts as reachable.

    So does localhost itself where it stands for any address but loopback: RFC 6761, 6.3 says that it must not, but it
    is what /etc/hosts says that is bound.
    """
    if host.lower() != "localhost":
        return is_loopback_address(host)
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:  # nothing that could be bound
        return True
    return all(is_loopback_address(str(address[0])) for *_, address in found)


def is_loopback_address(text: str) -> bool:
    try:
        return ipaddress.ip_address(text).is_loopback
    except ValueError:
        return False

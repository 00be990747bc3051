"""The exception tree: every error that Vitalcast raises on purpose, under the base that says who handles it.

VitalcastError
├── ConfigError              whoever starts it: a setting is unknown, of the wrong type or impossible; names its key
│   └── InvalidSettings      several at once
├── ConflictError            config.load: parts of the settings do not go together; becomes ConfigErrors
├── BusError                 the bus: bytes that came in are no frame, layout or card; counted, said, and dropped
│   └── UnknownLayoutError   the layout of a frame has to be asked for
├── CollectorError           the sampler: a collector cannot read its subject; becomes a metric and one log line
├── HistoryError             whoever asks for the past: what was kept cannot be read
│   ├── LockedError          another process has the file
│   ├── NoRoomError          the file must not grow now; what was to be written waits
│   └── DamagedError         the file holds what makes no sense; it is set aside
│       └── CodecError       so do these bytes
├── ProtocolError            the session: a client's message breaks the contract; becomes an `error` reply
│   └── AccessError          a token lets nobody in
│       └── TooManyWrongTokens
├── NeedsPast                the session, which has it read: a command cannot be answered before
├── FrameError               the client: a binary frame makes no sense
├── TooManyConnections       the edge of WebSockets: all that there may be are open; becomes a close
├── ApiError                 the HTTP API: a request cannot be answered; becomes a JSON error
├── LimitsError              whoever makes a token: its limits do not hold together
├── UnknownIdError           whoever names a panel or a playlist: there is none of this id; names the nearest
├── ScreenError              whoever pairs or changes a screen
│   ├── ScreenNameError
│   └── TooManyPairings
├── BundleError              the server's start: the frontend's modules cannot be joined
├── OutputError              the command line, which says it in one line: what a command is run for cannot be written
├── BenchError               the command line: the benchmarks cannot be run here
├── ServiceError             the command line: systemd is not there, or does not do what it is asked
├── ClientError              whoever uses the Python client: a server cannot be followed or asked; says what to do
│   ├── RefusedError         the server refused what was asked for; has its code
│   ├── UnreachableError     no server is there, or the connection broke and none is to be made again
│   ├── MissingLibraryError  a library that is not installed
│   └── AskError             a server's HTTP API cannot be asked, or does not answer this
└── LostError                the client, which connects again: a connection broke

What is raised to the module's own handler and never leaves it is a private signal, and not in here.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple


class VitalcastError(Exception):
    """Base of every error that Vitalcast raises on purpose."""


# --- settings ----------------------------------------------------------------------------------------------------


class ConfigError(VitalcastError):
    """A setting is wrong. `key` is dotted (`server.port`); the message says what would be right."""

    def __init__(self, key: str, message: str) -> None:
        super().__init__(f"{key}: {message}")
        self.key = key


class InvalidSettings(ConfigError):  # several errors at once
    """One or more settings are wrong. Its text has a line for each of `problems`."""

    def __init__(self, problems: tuple[ConfigError, ...]) -> None:
        super().__init__(problems[0].key, "is wrong")
        self.args = ("\n".join(str(problem) for problem in problems),)
        self.problems = problems


class Conflict(NamedTuple):
    """Keys that do not go together, the one to blame first, and what would be right."""

    keys: tuple[str, ...]
    message: str


class ConflictError(VitalcastError, ValueError):
    """Every conflict of one model. A ValueError, as pydantic wants it of a validator."""

    def __init__(self, conflicts: tuple[Conflict, ...]) -> None:
        super().__init__("; ".join(f"{conflict.keys[0]}: {conflict.message}" for conflict in conflicts))
        self.conflicts = conflicts


# --- readings and their past -------------------------------------------------------------------------------------


class CollectorError(VitalcastError):
    """A collector cannot read its subject; the message names the source."""


class BusError(VitalcastError):
    """Bytes from a bus are no frame, layout or card; the message says what is wrong with them."""


class UnknownLayoutError(BusError):
    """A frame has a layout that has not come, or not lately. `digest` is the one to ask for."""

    def __init__(self, digest: bytes) -> None:
        super().__init__(f"a frame has the layout {digest.hex()}, which has not come")
        self.digest = digest


class HistoryError(VitalcastError):
    """What was kept cannot be read; the message names the source."""


class LockedError(HistoryError):
    """Another process holds the lock; the message says which, as far as it has said so."""


class NoRoomError(HistoryError):
    """The file or its log would exceed the cap. Later there may be room."""


class DamagedError(HistoryError):
    """The file is a history, but what it holds makes no sense."""


class CodecError(DamagedError):
    """These bytes are no column of so many rows."""


# --- clients -----------------------------------------------------------------------------------------------------


class ProtocolError(VitalcastError):
    """A client's message breaks the contract.

    `code` is one of `core.vocabulary.ErrorCode`; `temporary` says that the same message may succeed later.
    """

    def __init__(self, code: int, message: str, *, temporary: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.temporary = temporary


class AccessError(ProtocolError):
    """A token lets nobody in. `revoked` says that it once did, and that it was taken back."""

    def __init__(self, code: int, message: str, *, revoked: bool = False, temporary: bool = False) -> None:
        super().__init__(code, message, temporary=temporary)
        self.revoked = revoked


class TooManyWrongTokens(AccessError):
    """Wrong tokens were too many, so that none is looked at for `wait_s` but those that were right before."""

    def __init__(self, code: int, wait_s: float) -> None:
        self.wait_s = max(1, math.ceil(wait_s))
        super().__init__(code, f"token: too many wrong tokens; try again in {self.wait_s} s", temporary=True)


class NeedsPast(VitalcastError):
    """A command cannot be answered before the past has been read; what was is then `Conversation.brought`.

    `prepare` returns what reads it, in a thread: it is called where frames come in, as late as can be, since what it
    copies of memory is not to wait.
    """

    def __init__(self, prepare: Callable[[], Callable[[Any], Any]]) -> None:
        super().__init__("the past has to be read first")
        self.prepare = prepare


class FrameError(VitalcastError):
    """These bytes are no data frame, or do not follow those before; the message says why."""


class TooManyConnections(VitalcastError):
    """The limit of open sockets is reached; the message says which."""


class ApiError(VitalcastError):
    """A request that cannot be answered. `status` is HTTP's, `code` one of `core.vocabulary.ErrorCode`."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


# --- tokens, panels and screens ----------------------------------------------------------------------------------


class LimitsError(VitalcastError):
    """The limits of a token do not hold together. `key` is the one to blame."""

    def __init__(self, key: str, message: str) -> None:
        super().__init__(f"{key}: {message}")
        self.key = key
        self.message = message


class UnknownIdError(VitalcastError):
    """No panel or playlist has this id; the message names the nearest."""


class ScreenError(VitalcastError):
    """Something about a screen cannot be done; the message says what would be right."""


class ScreenNameError(ScreenError):
    """A screen cannot be called so."""


class TooManyPairings(ScreenError):
    """There are as many codes as may be; the next one is free in `wait_s`."""

    def __init__(self, wait_s: int) -> None:
        super().__init__(f"too many screens are asking to be paired; try again in {wait_s} s")
        self.wait_s = wait_s


class BundleError(VitalcastError):
    """A module of the frontend is not of the form that can be joined; the message names the file."""


# --- commands and the client -------------------------------------------------------------------------------------


class OutputError(VitalcastError):
    """Standard output cannot be written. `cause` is what the system said."""

    def __init__(self, cause: OSError) -> None:
        super().__init__(f"standard output cannot be written: {cause.strerror or cause}")
        self.cause = cause


class BenchError(VitalcastError):
    """The benchmarks cannot be run here."""


class ServiceError(VitalcastError):
    """There is nobody to run the server as a service, or it is refused; the message has systemd's own words."""


class ClientError(VitalcastError):
    """A server cannot be followed or asked, and trying again would not help; the message says what would."""


class RefusedError(ClientError):
    """The server refused what was asked for.

    `code` is its error code or close code, as in the wire's reference; where it is `temporary` the same may be granted
    later.
    """

    def __init__(self, message: str, *, code: int, temporary: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.temporary = temporary


class UnreachableError(ClientError):
    """There is no server, or the connection broke and the client is not to connect again."""


class MissingLibraryError(ClientError, ImportError):
    """What was asked for takes a library that is not installed; the message says how to install it."""


class AskError(ClientError):
    """A server's HTTP API cannot be asked, or does not answer this; the message says why."""


class LostError(VitalcastError):
    """The connection broke in a way that a new one may mend.

    `after_s` is when the server asked to come back, and `away` says that nobody was there to ask.
    """

    def __init__(self, why: str, *, after_s: float | None = None, away: bool = False, advice: str = "") -> None:
        super().__init__(why)
        self.after_s = after_s
        self.away = away
        self.advice = advice

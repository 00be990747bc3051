"""The exception tree.

VitalcastError
├── ConfigError        a setting is unknown, of the wrong type or impossible; names its key
├── CollectorError     a collector cannot read its subject
├── ProtocolError      a client's message breaks the contract; becomes an `error` reply
│   └── AccessError    a token lets nobody in
├── UnknownIdError     no panel or playlist has this id; names the nearest
├── TooManyConnections all sockets that there may be are open; becomes a close
├── OutputError        what a command is run for cannot be written
├── HistoryError       in history.base: the history cannot be read
└── TailError          in tail: the server cannot be followed
"""


class VitalcastError(Exception):
    """Base of every error that Vitalcast raises on purpose."""


class ConfigError(VitalcastError):
    """A setting is wrong. `key` is dotted (`server.port`); the message says what would be right."""

    def __init__(self, key: str, message: str) -> None:
        super().__init__(f"{key}: {message}")
        self.key = key


class CollectorError(VitalcastError):
    """A collector cannot read its subject; the message names the source."""


class ProtocolError(VitalcastError):
    """A client's message breaks the contract.

    `code` is one of `core.vocabulary.ErrorCode`; `temporary` says that the same message may succeed later.
    """

    def __init__(self, code: int, message: str, *, temporary: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.temporary = temporary


class UnknownIdError(VitalcastError):
    """No panel or playlist has this id; the message names the nearest."""


class TooManyConnections(VitalcastError):  # noqa: N818 (a refusal, not a fault)
    """The limit of open sockets is reached; the message says which."""


class OutputError(VitalcastError):
    """Standard output cannot be written. `cause` is what the system said."""

    def __init__(self, cause: OSError) -> None:
        super().__init__(f"standard output cannot be written: {cause.strerror or cause}")
        self.cause = cause


class AccessError(ProtocolError):
    """A token lets nobody in. `revoked` says that it once did, and that it was taken back."""

    def __init__(self, code: int, message: str, *, revoked: bool = False, temporary: bool = False) -> None:
        super().__init__(code, message, temporary=temporary)
        self.revoked = revoked

"""Standard input, output and error that may be closed, full, or of an encoding that lacks most characters.

What a command is run for goes to standard output: where it cannot be written the command fails, in one line. A server
goes on without it, as everything goes on without standard error, where there is nobody left to be told.
"""

from __future__ import annotations

import codecs
import io
import os
import select
import sys
from typing import TYPE_CHECKING, Final, TextIO

from vitalcast.errors import OutputError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

STDIN, STDOUT, STDERR = 0, 1, 2
LIKE: Final = "vitalcast.like"  # an error handler: a character that an encoding lacks becomes one that is like it
_LIKE: Final = dict(zip("·–…━▁▂▃▄▅▆▇█", "--.-_.-:=+*#", strict=True)) | {"\u00a0": " "}


class _Descriptor(io.FileIO):
    """An open descriptor to write to. Once it has failed, what is written is dropped."""

    def __init__(self, descriptor: int, *, may_fail: bool) -> None:
        super().__init__(descriptor, "wb", closefd=False)
        self.may_fail = may_fail
        self._failed = False

    def write(self, data: ReadableBuffer) -> int:
        size = memoryview(data).nbytes
        if self._failed:
            return size
        try:
            while (written := super().write(data)) is None:  # a pipe that does not block, and is full
                if self.may_fail:
                    return size
                select.select([], [self], [])
        except OSError as error:
            self._failed = True
            if self.may_fail:
                return size
            raise OutputError(error) from error
        return written


def _like(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(_LIKE.get(char, "?") for char in error.object[error.start : error.end]), error.end


codecs.register_error(LIKE, _like)


def prepare() -> None:
    """Make the three standard streams of this process such that each is open and takes every character."""
    if os.name == "posix":
        for descriptor in (STDIN, STDOUT, STDERR):
            _open(descriptor)
        sys.stdout = _stream(sys.stdout, STDOUT, may_fail=False)
        sys.stderr = _stream(sys.stderr, STDERR, may_fail=True)
        return
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def go_on_without() -> None:
    """From now on drop what cannot be written to standard output."""
    buffer = getattr(sys.stdout, "buffer", None)
    raw = getattr(buffer, "raw", None)
    if isinstance(raw, _Descriptor):
        raw.may_fail = True


def say(text: str, *, err: bool = False) -> None:
    """Write a line to standard output or standard error. Raises OutputError where the first cannot be written."""
    print(text, file=sys.stderr if err else sys.stdout, flush=True)


def _open(descriptor: int) -> None:
    """Open a standard descriptor that is closed, lest the next file or socket be taken for it, a database even."""
    try:
        os.fstat(descriptor)
    except OSError:
        # To read, so that to write fails as it does where it is closed. It is the lowest that is free.
        os.set_inheritable(os.open(os.devnull, os.O_RDONLY), True)


def _stream(old: TextIO | None, descriptor: int, *, may_fail: bool) -> io.TextIOWrapper:
    raw = _Descriptor(descriptor, may_fail=may_fail)
    terminal = raw.isatty()
    # A program can tell names apart by what is escaped; in a terminal's table all columns keep their width.
    errors = LIKE if terminal and descriptor == STDOUT else "backslashreplace"
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding="utf-8" if old is None else old.encoding,
        errors=errors,
        line_buffering=terminal or descriptor == STDERR,
    )

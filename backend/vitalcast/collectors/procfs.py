"""Reads Linux's /proc and /sys cheaply, and takes their texts apart without trusting them.

Whatever bytes a text holds, its parser raises nothing: a line that is not as the kernel writes it is left out alone,
and a number that the kernel cannot mean is no reading. Some texts are not the kernel's at all (lxcfs, gVisor and others
write their own), and names in them are bytes that somebody chose.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterable
from pathlib import Path

from vitalcast.collectors.base import NO_READING
from vitalcast.machine import Roots

_CHUNK = 65536
# Ten times what the longest may come to: /proc/mounts of a host with some hundred containers, of 4 KiB a line.
TEXT_MAX_BYTES = 16 * 2**20
# In a tree that is not the kernel's anything may lie: to open a pipe must not wait for somebody at its other end.
_READ_ONLY = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)
COUNT_MAX = 2**64 - 1  # the widest number that the kernel writes


class KernelFile:
    """A file of the kernel that stays open and is read from its start again and again.

    Opening costs two to five times as much as reading (/proc/loadavg: 13 µs against 3). The descriptor is closed
    with the object. `is_one_record` says that the kernel writes the file at once, as it does those without a line for
    each device (`single_open` in its source), so that what comes short is whole.
    """

    __slots__ = ("_fd", "_is_one_record")

    def __init__(self, path: Path, *, is_one_record: bool = False) -> None:
        self._fd = -1
        self._is_one_record = is_one_record
        self._fd = os.open(path, _READ_ONLY)

    def read(self) -> bytes:
        """Return the whole text as the kernel writes it now. Raises OSError, also for one too long to be its own."""
        text = chunk = os.pread(self._fd, _CHUNK, 0)
        if self._is_one_record and len(chunk) < _CHUNK:
            return text
        # The kernel may hand out a long file by the page: only an empty read is its end.
        chunks, length = [], 0
        while chunk:
            chunks.append(chunk)
            length += len(chunk)
            if length > TEXT_MAX_BYTES:
                raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
            chunk = os.pread(self._fd, _CHUNK, length)
        return b"".join(chunks)

    def close(self) -> None:
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def __del__(self) -> None:
        with contextlib.suppress(OSError):
            self.close()


def open_if_readable(path: Path, *, is_one_record: bool = False) -> KernelFile | None:
    """Return the opened file, or None where this machine has none or refuses to read it."""
    try:
        file = KernelFile(path, is_one_record=is_one_record)
        file.read()  # /proc/pressure opens but does not read where the kernel was started with psi=0
    except OSError:
        return None
    return file


def open_of_init(roots: Roots, name: str, *, is_one_record: bool = False) -> KernelFile | None:
    """Open a file that differs by namespace, `net/dev` or `mounts`, as the machine's first process sees it.

    `/proc/net` and `/proc/mounts` are links by way of `self`, which in a /proc that is mounted from elsewhere shows our
    own namespaces. Where nothing is a link, as in a copy of such files, there are no namespaces to mix up.
    """
    if roots.procfs_is_ours:
        folders = [roots.procfs / "self"]
    elif (roots.procfs / "self").is_symlink():
        folders = [roots.procfs / "1"]
    else:
        folders = [roots.procfs / "1", roots.procfs / "self", roots.procfs]
    for folder in folders:
        if file := open_if_readable(folder / name, is_one_record=is_one_record):
            return file
    return None


def read_if_readable(path: Path) -> bytes | None:
    """Return a file's bytes, or None where there is none or it refuses."""
    try:
        return KernelFile(path).read()
    except OSError:
        return None


def read_small(path: str) -> bytes:
    """Return a file's first 16 KiB; pathlib takes twice as long, which counts for a file a process.

    Raises OSError.
    """
    fd = os.open(path, _READ_ONLY)
    try:
        return os.read(fd, 16384)
    finally:
        os.close(fd)


def number(text: bytes, label: bytes) -> float:
    """Return the first number after `label`, `nan` where there is none or it is below zero. A ` kB` is ignored."""
    start = text.find(label)
    if start < 0:
        return NO_READING
    start += len(label)
    end = text.find(b"\n", start)
    words = text[start : end if end >= 0 else None].split(None, 1)
    try:
        value = float(words[0])
    except (ValueError, IndexError):
        return NO_READING
    return value if 0 <= value <= COUNT_MAX else NO_READING


def amount(word: bytes) -> float:
    """Return a number that stands alone, `nan` where it is none, below zero or past what the kernel can count."""
    try:
        value = float(word)
    except ValueError:
        return NO_READING
    return value if 0 <= value <= COUNT_MAX else NO_READING


def counts(words: Iterable[bytes]) -> list[int]:
    """Return the words as the kernel's counters. Raises ValueError unless each is one."""
    values = list(map(int, words))
    if min(values) < 0 or max(values) > COUNT_MAX:
        raise ValueError("not a counter of the kernel's")
    return values


def difference(whole: float, part: float) -> float:
    """Return `whole - part` of two numbers that the kernel counts apart; `nan` where that is below zero."""
    rest = whole - part
    return rest if rest >= 0 else NO_READING


def within(part: float, whole: float) -> float:
    """Return the part; `nan` where it is below zero or more than the whole, so that one of the two is wrong."""
    return part if part >= 0 and not part > whole else NO_READING

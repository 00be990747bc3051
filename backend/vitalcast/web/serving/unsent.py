"""How much of what was written a peer has not taken yet."""

from __future__ import annotations


def unsent_bytes(fd: int) -> int:
    """Return how much the kernel still holds for the peer, 0 where it does not tell."""
    if fd < 0:
        return 0
    try:
        import fcntl
        import termios

        return int.from_bytes(fcntl.ioctl(fd, termios.TIOCOUTQ, b"\0\0\0\0"), "little")
    except (ImportError, OSError):
        return 0

"""A machine of which nothing is nice: devices lie over others and are called anything, and its load is as one likes."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path

from tests.collectors.test_layers import block, net
from tests.e2e.other_machine import OtherMachine

INTERFACES = """
lo
eth0 device master=bond0 upper_bond0
eth1 device master=bond0 upper_bond0
bond0 bonding lower_eth0 lower_eth1 upper_bond0.20 DEVTYPE=bond
bond0.20 lower_bond0 upper_br20 master=br20 DEVTYPE=vlan
br20 bridge lower_bond0.20 lower_vnet0 DEVTYPE=bridge
vnet0 tun_flags master=br20 upper_br20
"""
# A volume of LVM, encrypted by LUKS, on a mirror by MD; what is in brackets is not shown.
DISKS = """
sda
sdb
(sda2)
(sdb2)
md0 sda2 sdb2
dm-0 md0
dm-1 dm-0
"""
WIRES, DRIVES = ("eth0", "eth1"), ("sda", "sdb")
NAMES = (
    b"a\x1b]0;owned\x07b",  # sets a terminal's title
    "x\u202egnp.exe".encode(),  # turns text round
    b"\xff\xfe",
    b"<img/src=x\tonerror=alert(1)>",
    b'"};drop{a="',
    b"=cmd|calc!A0",  # a formula to a spreadsheet
    b"n" * 4096,
)
# What no text may have: controls other than ends of lines, and what turns text round.
FORBIDDEN = {chr(code) for code in (*range(9), 11, 12, *range(14, 32), *range(127, 160))} | set("\u202e\u2028\u2066")
WRITE_S = 0.05


class HostileMachine(OtherMachine):
    """Its devices are as above, each of them busy, and its interfaces and mounts have those names as well.

    `load` is what its load is by turns.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, {"proc/stat": "cpu  1 0 1 9 0 0 0 0\ncpu0 1 0 1 9 0 0 0 0\n"})
        self._interfaces = [name.encode() for name in net(folder / "sys", INTERFACES)]
        self._disks = block(folder / "sys", DISKS)
        self.loads(1.0)
        for name in NAMES:
            if len(name) < 255:  # no folder has a longer one
                self.mount(b"/" + name)
        mounts = (b"/dev/sd%d /%b ext4 rw 0 0\n" % (at, _escaped(name)) for at, name in enumerate(NAMES))
        self.write({"proc/1/mounts": b"".join(mounts)})
        (folder / "proc" / "1" / "net").mkdir()
        self._go_on(0)

    def loads(self, *values: float) -> None:
        self._loads = cycle(values)

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """Have something go on for as long as the block lasts."""
        ended = threading.Event()

        def run() -> None:
            ticks = 0
            while not ended.wait(WRITE_S):
                self._go_on(ticks := ticks + 1)

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _go_on(self, ticks: int) -> None:
        self._rewrite("proc/1/net/dev", net_dev(self._interfaces, ticks * 1_000_000) + net_dev(map(_escaped, NAMES), 1))
        self._rewrite("proc/diskstats", diskstats(self._disks, ticks * 2_000))
        self._rewrite("proc/loadavg", b"%.2f 0.07 0.06 1/123 5475\n" % next(self._loads))

    def _rewrite(self, name: str, text: bytes) -> None:
        """Replace a file's text by one of the same length: whoever reads it meanwhile sees one or the other."""
        file = os.open(self.folder / name, os.O_WRONLY | os.O_CREAT, 0o600)
        os.pwrite(file, text, 0)
        os.close(file)


def net_dev(names: Sequence[bytes] | Iterator[bytes], counted: int) -> bytes:
    row = b" %012d 9 0 0 0 0 0 0 %012d 9 0 0 0 0 0 0\n" % (counted, counted)
    return b"".join(name + b":" + row for name in names)


def diskstats(names: Sequence[str], counted: int) -> bytes:
    row = " 8 {} {} 9 0 {counted:012} 5 9 0 {counted:012} 7 0 9 12\n"
    return "".join(row.format(at, name, counted=counted) for at, name in enumerate(names)).encode()


def _escaped(name: bytes) -> bytes:
    """Write a name as the kernel does in its tables."""
    return b"".join(b"\\%03o" % byte if byte in b" \t\n\\" else bytes([byte]) for byte in name)

"""A server that watches another machine than its own, whose kernel says odd things under odd names."""

from __future__ import annotations

import json
import os
import threading
import time
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from tests.collectors.test_process_source import HZ, stat_line
from tests.e2e.client import client, plain_client
from tests.e2e.other_machine import OtherMachine
from tests.e2e.server import START_S, Server

MEMINFO = """\
MemTotal:         524288 kB
MemFree:          262144 kB
MemAvailable:   24108064 kB
Buffers:               0 kB
Cached:            65536 kB
SwapTotal:             0 kB
SwapFree:           4096 kB
Shmem:                 0 kB
SReclaimable:          0 kB
"""
DISKSTATS = b"""\
 202       1 xvda1 9000 1 1394000 10000 2293 1 1601136 3645 0 4416 14735
   8       0 sdb 10 0 80 5 20 0 160 7 0 9 12
   8      17 sdb1 10 0 80 5 20 0 160 7 0 9 12
   8       x broken 10 0
   8      32 sdc -1 0 80 5 20 0 160 7 0 9 12
   7       0 loop0 1 1 1 1 1 1 1 1 1 1 1
   8      48 sdd 1 1 1 1 1 1 1 1 1 1 1
  11       0 sr0 1 1 1 1 1 1 1 1 1 1 1
"""
NET_DEV = b"""\
Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier
  et\xff0:    1000      29    0    0    0     0    0         0     3193      29    0    0    0     0       0
  et\xfe0:    2000      29    0    0    0     0    0         0     3193      29    0    0    0     0       0
br\x1b[2J:    3000      29    0    0    0     0    0         0     3193      29    0    0    0     0       0
 eth0:1:    4000      29    0    0    0     0    0         0     3193      29    0    0    0     0       0
veth12f:    5000      29    0    0    0     0    0         0     3193      29    0    0    0     0       0
   eno1:    6000      29    0    0    0     0    0         0     3193      29    0    0    0     0       0
"""
STAT = """\
cpu  8 0 8 80 0 0 0 0
cpu0 4 0 4 40 0 0 0 0
cpu6 4 0 4 40 0 0 0 0
intr 7 1
ctxt 9
processes 3
"""
MOUNTPOINTS = {
    b"/": b"/",
    b"/cr\rlf": b"/cr\rlf",
    b"/line\nfeed": rb"/line\012feed",
    "/nel\x85ls\u2028".encode(): "/nel\x85ls\u2028".encode(),
    b"/\xff": b"/\xff",
    b"/\xfe": b"/\xfe",
    "/\u202egnp".encode(): "/\u202egnp".encode(),
    b"/left/out": b"/left/out",
    b"/snap/core": b"/snap/core",
    b"/var/lib/docker": b"/var/lib/docker",
    b"/var/lib/docker/overlay2/1f/merged": b"/var/lib/docker/overlay2/1f/merged",
}
COLLECTORS = {
    "cpu",
    "cpu_frequency",
    "disk",
    "filesystem",
    "host",
    "load",
    "memory",
    "network",
    "process",
    "programs",
    "runtime",
    "sensors",
}
SHOWN = {
    "/",
    r"/cr\x0dlf",
    r"/line\x0afeed",
    r"/nel\u0085ls\u2028",
    r"/\xff",
    r"/\xfe",
    r"/\u202egnp",
    "/var/lib/docker",
    "/snap/core",
}
# Each leaves something out, and as a list replaces the default, shows something that is left out by default.
EXCLUDE = {
    "COLLECTORS__EXCLUDE_DISKS": "sdd,loop*,*/*",
    "COLLECTORS__EXCLUDE_INTERFACES": "eno?",
    "COLLECTORS__EXCLUDE_MOUNTS": "/left*,/var/lib/docker/*/*",
    "COLLECTORS__EXCLUDE_FILESYSTEMS": "ext[23]",
    "COLLECTORS__EXCLUDE_SENSORS": "nct6775/2",
}


def files() -> dict[str, str | bytes]:
    mounts = b"".join(
        b"%b %b %b rw 0 0\n"
        % ((b"overlay", name, b"overlay") if b"merged" in name else (b"/dev/%d" % at, name, b"ext4"))
        for at, name in enumerate(MOUNTPOINTS.values())
    )
    return {
        "proc/stat": STAT,
        "proc/cpuinfo": "processor\t: 0\nBogoMIPS\t: 38.40\n",
        "proc/meminfo": MEMINFO,
        "proc/vmstat": "pgfault 10\npgmajfault 20\n",
        "proc/loadavg": "0.11 0.07 12.06 1/123 5475\n",
        "proc/uptime": "100.00 1.0\n",
        "proc/diskstats": DISKSTATS,
        "proc/1/net/dev": NET_DEV,
        "proc/1/mounts": b"\xff\n/dev/x\n" + mounts,
        "proc/1/stat": stat_line(1, "init", started=90000 * HZ),
        "proc/2/stat": os.fsencode(stat_line(2, "a) R\n\u202eb\udcff", state="D", threads=7)),
        "sys/class/hwmon/hwmon0/name": "nct6775\n",
        "sys/class/hwmon/hwmon0/temp1_input": "65261850\n",
        "sys/class/hwmon/hwmon0/temp2_input": "-12500\n",
        "sys/class/hwmon/hwmon0/temp3_input": "99000\n",
        "sys/class/hwmon/hwmon0/temp2_label": b"out\xffside\n",
        "sys/devices/system/cpu/cpufreq/policy0/affected_cpus": "0 1\n",
        "sys/devices/system/cpu/cpufreq/policy0/scaling_cur_freq": "1800000\n",
        "sys/devices/system/cpu/cpufreq/policy6/affected_cpus": "6\n",
        "sys/devices/system/cpu/cpufreq/policy6/scaling_cur_freq": "2400000\n",
        "root/etc/hostname": b"host\xff\n",
        "root/etc/passwd": f"ann\x1b[2J:x:{os.getuid()}:0::/:/bin/sh\n",
    }


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    machine = OtherMachine(tmp_path_factory.mktemp("machine"), files())
    for mountpoint in MOUNTPOINTS:
        machine.mount(mountpoint)
    with machine.watched(SAMPLER__INTERVAL_S="0.1", **EXCLUDE) as server:
        yield server
        assert server.errors() == ""


@pytest.fixture(scope="module")
def latest(server: Server) -> dict[str, Any]:
    """The newest values by series once each collector has read, without the server's own."""
    pause = threading.Event()
    deadline_s = time.monotonic() + START_S
    while True:
        with urllib.request.urlopen(f"{server.url}/api/v1/latest") as response:
            values: dict[str, Any] = json.load(response)["metrics"]
        if of(values, "vitalcast.collector.success") == dict.fromkeys(COLLECTORS, 1):
            return {key: value for key, value in values.items() if not key.startswith("vitalcast.")}
        assert time.monotonic() < deadline_s, values
        pause.wait(0.02)


def of(latest: dict[str, Any], name: str) -> dict[str, Any]:
    """Return the values of a metric by the values of its attributes, joined by commas."""
    texts = {key.removeprefix(name): value for key, value in latest.items() if key.split("{")[0] == name}
    return {",".join(text.split('"')[1::2]).replace("\\\\", "\\"): value for text, value in texts.items()}


def test_memory_under_lxcfs_is_the_containers_own(latest: dict[str, Any]) -> None:
    used = {state: value for state, value in of(latest, "system.memory.usage").items() if state == "used"}
    assert used == {"used": (524288 - 262144 - 65536) * 1024}
    assert set(of(latest, "system.paging.usage").values()) == {None}
    assert of(latest, "system.paging.faults") == {"minor": None, "major": 20}


def test_no_value_of_a_machine_that_contradicts_itself_is_below_zero_but_a_temperature(latest: dict[str, Any]) -> None:
    below = {key for key, value in latest.items() if value is not None and value < 0}
    assert {key.split("{")[0] for key in below} == {"hw.temperature"}


def test_the_guest_of_a_xen_has_its_disk(latest: dict[str, Any]) -> None:
    assert of(latest, "system.disk.io_time").keys() == {"xvda1", "sdb", "sr0"}


def test_cpus_are_numbered_as_the_kernel_numbers_them(latest: dict[str, Any]) -> None:
    assert of(latest, "system.cpu.frequency") == {"0": 1.8e9, "1": 1.8e9, "6": 2.4e9}
    assert of(latest, "system.cpu.logical.utilization").keys() == {"0", "6"}


def test_whatever_mounts_are_called_each_is_there(latest: dict[str, Any]) -> None:
    limits = of(latest, "system.filesystem.limit")
    assert {key.split(",")[1] for key in limits} == SHOWN
    assert all(limits.values())


def test_interfaces_whose_names_are_no_text_stay_apart(latest: dict[str, Any]) -> None:
    received = {key: value for key, value in of(latest, "system.network.io").items() if "receive" in key}
    assert received == {
        r"et\xff0,receive": 1000,
        r"et\xfe0,receive": 2000,
        r"br\x1b[2J,receive": 3000,
        "eth0:1,receive": 4000,
        "veth12f,receive": 5000,
    }


def test_a_sensor_that_lies_is_not_believed(latest: dict[str, Any]) -> None:
    assert of(latest, "hw.temperature") == {"nct6775/0,nct6775": None, r"nct6775/1,out\xffside": -12.5}


async def test_processes_and_the_host_are_called_what_they_are_on_that_machine(server: Server) -> None:
    async with client(server) as one, plain_client(server) as plain:
        assert (await plain.receive())["host"] == r"host\xff"
        ack = await one.ask("table", stream="all", table="processes", sort="pid", limit=9, interval=1)
        rows = await one.until("rows", group=ack["group"])
    columns = rows["columns"]
    found = [dict(zip(columns, row, strict=True)) for row in rows["rows"]]
    assert [(row["pid"], row["name"], row["threads"], row["age"]) for row in found] == [
        (2, r"a) R\x0a\u202eb\xff", 7, 100.0),
        (1, "init", 1, None),
    ]
    assert {row["user"] for row in found} == {r"ann\x1b[2J"}

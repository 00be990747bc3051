from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.collectors.support import by_key, write_proc

from vitalcast.collectors.network import (
    EXCLUDE,
    NetworkCollector,
    SocketCollector,
    parse_net_dev,
    parse_sockstat,
    parse_sockstat_totals,
)

NET_DEV = """\
Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier
    lo:    3193      29    0    0    0     0          0         0     3193      29    0    0    0     0       0
  eth0:195170908    4087    1    2    0     0          0         0   246116    2353    3    4    0     0       0
vethab1:    5       6    0    0    0     0          0         0     7       8    0    0    0     0       0
"""
SOCKSTAT = """\
sockets: used 212
TCP: inuse 11 orphan 1 tw 42 alloc 13 mem 2
UDP: inuse 3 mem 0
UDPLITE: inuse 9
RAW: inuse 0
FRAG: inuse 0 memory 0
"""
SOCKSTAT6 = "TCP6: inuse 5\nUDP6: inuse 2\nUDPLITE6: inuse 9\nRAW6: inuse 0\nFRAG6: inuse 0 memory 0\n"


def test_a_wanted_interface_is_one_row() -> None:
    assert parse_net_dev(NET_DEV.encode(), lambda name: name == b"eth0") == {
        "eth0": (195170908, 246116, 4087, 2353, 1, 3, 2, 4)
    }


def test_a_reading_becomes_samples(tmp_path: Path) -> None:
    values = by_key(NetworkCollector(proc=write_proc(tmp_path, {"net/dev": NET_DEV})).collect(1.0))
    assert len(values) == 16  # the container's end of a pair is left out, the loopback is not
    of_eth0 = 'network.interface.name="eth0",network.io.direction'
    assert values[f'system.network.io{{{of_eth0}="receive"}}'] == 195170908
    assert values[f'system.network.packet.count{{{of_eth0}="transmit"}}'] == 2353
    assert values[f'system.network.errors{{{of_eth0}="transmit"}}'] == 3
    assert values[f'system.network.packet.dropped{{{of_eth0}="receive"}}'] == 2


def test_a_name_that_is_no_text_is_made_one(tmp_path: Path) -> None:
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "dev").write_bytes(NET_DEV.encode().replace(b"eth0", b"et\xff0"))
    keys = by_key(NetworkCollector(proc=tmp_path).collect(1.0))
    assert any("et\N{REPLACEMENT CHARACTER}0" in key for key in keys)


@pytest.mark.parametrize("name", ["vethab1", "ifb0", "dummy0", "tunl0", "sit0", "cali123"])
def test_plumbing_is_left_out(name: str) -> None:
    assert EXCLUDE.fullmatch(name)


@pytest.mark.parametrize("name", ["lo", "eth0", "enp3s0", "wlan0", "docker0", "wg0", "en0", "Ethernet 2"])
def test_interfaces_are_kept(name: str) -> None:
    assert not EXCLUDE.fullmatch(name)


def test_what_to_leave_out_can_be_chosen(tmp_path: Path) -> None:
    proc = write_proc(tmp_path, {"net/dev": NET_DEV})
    assert len(NetworkCollector(proc=proc, exclude=re.compile("lo|veth.*")).collect(1.0)) == 8


def test_an_interface_that_was_removed_is_gone_and_comes_back_as_itself(tmp_path: Path) -> None:
    collector = NetworkCollector(proc=write_proc(tmp_path, {"net/dev": NET_DEV}))
    before = {sample.series for sample in collector.collect(1.0)}
    lines = NET_DEV.splitlines(keepends=True)
    write_proc(tmp_path, {"net/dev": "".join(lines[:3])})
    assert len(collector.collect(2.0)) == 8
    write_proc(tmp_path, {"net/dev": NET_DEV})
    assert {sample.series for sample in collector.collect(3.0)} == before


def test_sockets_are_counted_by_transport_and_type() -> None:
    assert parse_sockstat(SOCKSTAT.encode()) == {("tcp", "ipv4"): 11, ("udp", "ipv4"): 3}
    assert parse_sockstat(SOCKSTAT6.encode()) == {("tcp", "ipv6"): 5, ("udp", "ipv6"): 2}
    assert parse_sockstat_totals(SOCKSTAT.encode()) == (212, 42)


def test_sockets_become_samples(tmp_path: Path) -> None:
    proc = write_proc(tmp_path, {"net/sockstat": SOCKSTAT, "net/sockstat6": SOCKSTAT6})
    assert by_key(SocketCollector(proc=proc).collect(1.0)) == {
        'system.network.socket.count{network.transport="tcp",network.type="ipv4"}': 11,
        'system.network.socket.count{network.transport="udp",network.type="ipv4"}': 3,
        'system.network.socket.count{network.transport="tcp",network.type="ipv6"}': 5,
        'system.network.socket.count{network.transport="udp",network.type="ipv6"}': 2,
        "system.network.socket.open": 212,
        'system.network.connection.count{network.connection.state="time_wait",network.transport="tcp"}': 42,
    }


def test_a_kernel_without_ipv6_has_only_the_others(tmp_path: Path) -> None:
    assert len(SocketCollector(proc=write_proc(tmp_path, {"net/sockstat": SOCKSTAT})).collect(1.0)) == 4


def test_without_proc_there_are_no_sockets_to_tell_of(tmp_path: Path) -> None:
    collector = SocketCollector(proc=tmp_path)
    assert (collector.descriptors, collector.collect(1.0)) == ((), [])

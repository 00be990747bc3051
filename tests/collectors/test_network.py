from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from tests.collectors.support import by_key, write_files, write_proc

from vitalcast.collectors.network import (
    NetworkCollector,
    SocketCollector,
    chooser,
    parse_net_dev,
    parse_sockstat,
    parse_sockstat_totals,
)
from vitalcast.machine import DEFAULT_EXCLUSIONS, Roots

default = chooser(DEFAULT_EXCLUSIONS.interfaces)

NET_DEV = """\
Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier
    lo:    3193      29    0    0    0     0          0         0     3193      29    0    0    0     0       0
  eth0:195170908    4087    1    2    0     0          0         0   246116    2353    3    4    0     0       0
vethab1:    5       6    0    0    0     0          0         0     7       8    0    0    0     0       0
"""
SYSFS = {"class/net/lo/type": "772\n", "class/net/eth0/device": ""}
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
    assert parse_net_dev(NET_DEV.encode(), chooser(("lo", "veth*"))) == {
        "eth0": (195170908, 246116, 4087, 2353, 1, 3, 2, 4)
    }


def test_an_alias_has_a_colon_in_its_name() -> None:
    text = NET_DEV.replace("  eth0:", "eth0:1:").encode()
    assert parse_net_dev(text, default)["eth0:1"][0] == 195170908


def test_a_line_that_is_not_as_the_kernel_writes_it_is_skipped_alone() -> None:
    text = (
        NET_DEV.encode().replace(b"  eth0:", b"e\rth0:").replace(b"3193      29", b"-3193      29", 1) + b"eth1: 1 2\n"
    )
    assert list(parse_net_dev(text, default)) == [r"e\x0dth0"]


def test_a_reading_becomes_samples(tmp_path: Path) -> None:
    values = by_key(NetworkCollector(roots=write_proc(tmp_path, {"net/dev": NET_DEV})).collect(1.0))
    assert len(values) == 16  # the container's end of a pair is left out, the loopback is not
    of_eth0 = 'network.interface.name="eth0",network.io.direction'
    assert values[f'system.network.io{{{of_eth0}="receive"}}'] == 195170908
    assert values[f'system.network.packet.count{{{of_eth0}="transmit"}}'] == 2353
    assert values[f'system.network.errors{{{of_eth0}="transmit"}}'] == 3
    assert values[f'system.network.packet.dropped{{{of_eth0}="receive"}}'] == 2


def test_two_names_that_are_no_text_stay_two(tmp_path: Path) -> None:
    text = NET_DEV.encode().replace(b"eth0", b"et\xff0") + b"et\xfe0: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n"
    samples = NetworkCollector(roots=write_proc(tmp_path, {"net/dev": text})).collect(1.0)
    assert {sample.series.attributes["network.interface.name"] for sample in samples} == {"lo", r"et\xff0", r"et\xfe0"}


@pytest.mark.parametrize("name", [b"vethab1", b"ifb0", b"dummy0", b"tunl0", b"sit0", b"cali123"])
def test_plumbing_is_left_out(name: bytes) -> None:
    assert default(name) == ""


@pytest.mark.parametrize("name", ["lo", "eth0", "enp3s0", "wlan0", "docker0", "wg0", "en0", "Ethernet 2", "tunl1"])
def test_interfaces_are_kept(name: str) -> None:
    assert default(name.encode()) == name


def test_an_empty_list_leaves_nothing_out() -> None:
    assert len(parse_net_dev(NET_DEV.encode(), chooser(()))) == 3


def test_a_proc_from_elsewhere_shows_the_network_of_its_first_process(tmp_path: Path) -> None:
    ours, theirs = NET_DEV, NET_DEV.replace("eth0", "eno1")
    write_proc(tmp_path, {"1/net/dev": theirs, "1/net/sockstat": SOCKSTAT, "77/net/dev": ours})
    (tmp_path / "self").symlink_to("77")
    (tmp_path / "net").symlink_to("self/net")
    roots = Roots(procfs=tmp_path)
    assert any("eno1" in key for key in by_key(NetworkCollector(roots=roots).collect(1.0)))
    assert SocketCollector(roots=roots).descriptors
    (tmp_path / "1" / "net" / "dev").unlink()  # hidden from this user: better nothing than our own
    assert NetworkCollector(roots=roots).descriptors == ()


def test_psutil_counts_the_same_bytes() -> None:
    ours = by_key(NetworkCollector().collect(1.0))
    for name, counters in psutil.net_io_counters(pernic=True).items():
        if default(name.encode()):
            of_name = f'system.network.io{{network.interface.name="{name}",network.io.direction="receive"}}'
            assert ours[of_name] <= counters.bytes_recv


def test_what_to_leave_out_can_be_chosen(tmp_path: Path) -> None:
    proc = write_proc(tmp_path, {"net/dev": NET_DEV})
    assert len(NetworkCollector(roots=proc, exclude=("lo", "veth*")).collect(1.0)) == 8


def test_an_interface_that_was_removed_is_gone_and_comes_back_as_itself(tmp_path: Path) -> None:
    collector = NetworkCollector(roots=write_proc(tmp_path, {"net/dev": NET_DEV}))
    before = {sample.series for sample in collector.collect(1.0)}
    lines = NET_DEV.splitlines(keepends=True)
    write_proc(tmp_path, {"net/dev": "".join(lines[:3])})
    assert len(collector.collect(2.0)) == 8
    write_proc(tmp_path, {"net/dev": NET_DEV})
    assert {sample.series for sample in collector.collect(3.0)} == before


def test_interfaces_are_labelled_with_their_layer_and_anew_when_others_come(tmp_path: Path) -> None:
    roots = replace(write_proc(tmp_path, {"net/dev": NET_DEV}), sysfs=write_files(tmp_path / "sys", SYSFS))
    collector = NetworkCollector(roots=roots)

    def labels() -> dict[str, str]:
        return {
            sample.series.attributes["network.interface.name"]: dict(sample.series.labels)["network.interface.layer"]
            for sample in collector.collect(1.0)
        }

    assert labels() == {"lo": "loopback", "eth0": "physical"}
    write_files(tmp_path / "sys", {"class/net/eth1/device": "", "class/net/eth1/master": ""})
    (tmp_path / "sys" / "class" / "net" / "eth0" / "lower_eth1").touch()
    write_proc(tmp_path, {"net/dev": NET_DEV + NET_DEV.splitlines()[3].replace("eth0", "eth1") + "\n"})
    assert labels() == {"lo": "loopback", "eth0": "virtual", "eth1": "physical"}


def test_sockets_are_counted_by_transport_and_type() -> None:
    assert parse_sockstat(SOCKSTAT.encode()) == {("tcp", "ipv4"): 11, ("udp", "ipv4"): 3}
    assert parse_sockstat(SOCKSTAT6.encode()) == {("tcp", "ipv6"): 5, ("udp", "ipv6"): 2}
    assert parse_sockstat_totals(SOCKSTAT.encode()) == (212, 42)


def test_sockets_become_samples(tmp_path: Path) -> None:
    proc = write_proc(tmp_path, {"net/sockstat": SOCKSTAT, "net/sockstat6": SOCKSTAT6})
    assert by_key(SocketCollector(roots=proc).collect(1.0)) == {
        'system.network.socket.count{network.transport="tcp",network.type="ipv4"}': 11,
        'system.network.socket.count{network.transport="udp",network.type="ipv4"}': 3,
        'system.network.socket.count{network.transport="tcp",network.type="ipv6"}': 5,
        'system.network.socket.count{network.transport="udp",network.type="ipv6"}': 2,
        "system.network.socket.open": 212,
        'system.network.connection.count{network.connection.state="time_wait",network.transport="tcp"}': 42,
    }


def test_a_kernel_without_ipv6_has_only_the_others(tmp_path: Path) -> None:
    assert len(SocketCollector(roots=write_proc(tmp_path, {"net/sockstat": SOCKSTAT})).collect(1.0)) == 4


def test_without_proc_there_are_no_sockets_to_tell_of(tmp_path: Path) -> None:
    collector = SocketCollector(roots=Roots(procfs=tmp_path))
    assert (collector.descriptors, collector.collect(1.0)) == ((), [])

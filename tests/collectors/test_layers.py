"""What lies over what, on machines as they are, and on such as nobody has."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.collectors.support import write_files

from vitalcast.collectors.disk import _disk_of
from vitalcast.collectors.layers import DEVICES_MAX, FEW, READ_AGAIN_S, InterfaceLayers, disk_layers

LETTERS = {"physical": "p", "virtual": "v", "loopback": "l"}


def net(root: Path, machine: str) -> list[str]:
    """Lay out /sys/class/net: a line for each interface, with what is in its folder; `master=` is a link."""
    names = []
    for line in machine.strip().splitlines():
        name, *entries = line.split()
        folder = root / "class" / "net" / name
        (folder / "statistics").mkdir(parents=True)
        (folder / "type").write_text("772\n" if name == "lo" else "1\n")
        for entry in entries:
            key, is_link, target = entry.partition("=")
            if key == "DEVTYPE":
                (folder / "uevent").write_text(f"INTERFACE={name}\n{entry}\n")
            elif is_link:
                (folder / key).symlink_to(f"../{target}")
            else:
                (folder / key).symlink_to(f"../{key.removeprefix('lower_').removeprefix('upper_')}")
        names.append(name)
    return names


def interface_layers(root: Path, names: list[str]) -> dict[str, str]:
    return InterfaceLayers(root).of(tuple(names), 0.0)


def layers_of(root: Path, machine: str) -> str:
    """Return the interfaces with a letter for their layers: `lo:l eth0:p`."""
    names = net(root, machine)
    return said(interface_layers(root, names), names)


def said(layers: dict[str, str], names: list[str]) -> str:
    return " ".join(f"{name}:{LETTERS.get(layers.get(name, ''), '?')}" for name in names)


@pytest.mark.parametrize(
    ("machine", "expected"),
    [
        pytest.param("lo\neth0 device\nwlan0 device DEVTYPE=wlan", "lo:l eth0:p wlan0:p", id="a computer"),
        pytest.param(
            """lo
            enp0s3 device
            docker0 bridge lower_veth1 DEVTYPE=bridge
            br-9f bridge DEVTYPE=bridge
            veth1 master=docker0 upper_docker0
            wg0 DEVTYPE=wireguard
            tun0 tun_flags""",
            "lo:l enp0s3:p docker0:v br-9f:v veth1:v wg0:v tun0:v",
            id="Docker and tunnels",
        ),
        pytest.param(
            """eth0 device master=bond0 upper_bond0
            eth1 device master=bond0 upper_bond0
            bond0 bonding lower_eth0 lower_eth1 upper_bond0.20 DEVTYPE=bond
            bond0.20 lower_bond0 upper_br20 master=br20 DEVTYPE=vlan
            br20 bridge lower_bond0.20 lower_vnet0 DEVTYPE=bridge
            vnet0 tun_flags master=br20 upper_br20
            macvtap0 lower_eth1""",
            "eth0:p eth1:p bond0:v bond0.20:v br20:v vnet0:v macvtap0:v",
            id="a bond, a VLAN over it, a bridge over that, machines in it",
        ),
        pytest.param("lo\neth0", "lo:l eth0:p", id="a container"),
        pytest.param(
            """eth0
            docker0 bridge lower_veth1 DEVTYPE=bridge
            veth1 master=docker0
            wg0 DEVTYPE=wireguard
            tun0 tun_flags""",
            "eth0:p docker0:v veth1:v wg0:v tun0:v",
            id="Docker in a container",
        ),
        pytest.param(
            "eth0 device lower_enP1s1\nenP1s1 device master=eth0 upper_eth0",
            "eth0:p enP1s1:v",
            id="a cloud's card and its fast path",
        ),
        pytest.param(
            "eth0 device upper_lan1 upper_lan2\nlan1 device lower_eth0\nlan2 device lower_eth0",
            "eth0:p lan1:v lan2:v",
            id="a router's switch",
        ),
        pytest.param("bond0 bonding lower_eth0", "bond0:p", id="where what is below is left out, what is over counts"),
        pytest.param("a device lower_b\nb device lower_a", "a:p b:p", id="each over the other"),
        pytest.param("a lower_a master=a", "a:p", id="over itself"),
        pytest.param("eth0 device=nowhere master=../../../gone", "eth0:p", id="links to nowhere"),
    ],
)
def test_what_is_counted_twice_is_virtual(tmp_path: Path, machine: str, expected: str) -> None:
    assert layers_of(tmp_path, machine) == expected


def test_of_what_sys_does_not_know_nothing_is_said_but_of_the_loopback(tmp_path: Path) -> None:
    assert interface_layers(tmp_path, ["lo", "lo0", "Loopback Pseudo-Interface 1", "en0"]) == {
        "lo": "loopback", "lo0": "loopback", "Loopback Pseudo-Interface 1": "loopback"
    }  # fmt: skip
    assert disk_layers(tmp_path, ["sda", "dm-0"], _disk_of) == {}


def block(root: Path, machine: str) -> list[str]:
    """Lay out /sys/class/block: a line for each disk, with what it lies on; one in brackets is not shown."""
    names = []
    for line in machine.strip().splitlines():
        name, *below = line.split()
        folder = root / "class" / "block" / name.strip("()").replace("/", "!")
        (folder / "slaves").mkdir(parents=True)
        for one in below:
            (folder / "slaves" / one.replace("/", "!")).symlink_to(f"../../{one}")
        if not name.startswith("("):
            names.append(name)
    return names


@pytest.mark.parametrize(
    ("machine", "expected"),
    [
        pytest.param(
            """sda
            sdb
            (sda2)
            (sdb2)
            md0 sda2 sdb2
            dm-0 md0
            dm-1 dm-0
            dm-2 dm-0""",
            "sda:p sdb:p md0:v dm-0:v dm-1:v dm-2:v",
            id="LVM on LUKS on MD",
        ),
        pytest.param("nvme0n1\nnvme1n1\nzd0\nzd16", "nvme0n1:p nvme1n1:p zd0:v zd16:v", id="volumes of a ZFS pool"),
        pytest.param("sda\nsdb\ndm-0 sda sdb\ndm-1 dm-0", "sda:p sdb:p dm-0:v dm-1:v", id="two paths to one disk"),
        pytest.param("sda\nnvme0n1\n(sda1)\nbcache0 sda1 nvme0n1", "sda:p nvme0n1:p bcache0:v", id="a cache"),
        pytest.param("nbd0\nrbd0\ncciss/c0d0\n(cciss/c0d0p1)\ndm-0 cciss/c0d0p1", "nbd0:p rbd0:p cciss/c0d0:p dm-0:v"),
        pytest.param("xvda1\nxvda2", "xvda1:p xvda2:p", id="partitions that are disks"),
        pytest.param("sda\nsda1\nsda2", "sda:p sda1:v sda2:v", id="partitions that are shown"),
        pytest.param("(sda2)\n(dm-0) sda2\ndm-1 dm-0", "dm-1:p", id="where what is below is left out"),
        pytest.param("dm-0 dm-1\ndm-1 dm-0", "dm-0:p dm-1:p", id="each on the other"),
        pytest.param("sda\ndm-0 dm-0 gone", "sda:p dm-0:p", id="on itself, and on nothing"),
    ],
)
def test_a_disk_over_one_that_is_shown_is_virtual(tmp_path: Path, machine: str, expected: str) -> None:
    names = block(tmp_path, machine)
    assert said(disk_layers(tmp_path, names, _disk_of), names) == expected


@settings(max_examples=25, deadline=None)
@given(st.lists(st.text(min_size=1, max_size=12), max_size=8))
def test_whatever_devices_are_called_nothing_is_raised(names: list[str]) -> None:
    names += ["..", ".", "a/../..", "\0", "x" * 5000]
    for layers in (interface_layers(Path("/proc"), names), disk_layers(Path("/proc"), names, _disk_of)):
        assert set(layers) <= set(names)


def test_of_thousands_of_devices_only_so_many_are_looked_at(tmp_path: Path) -> None:
    write_files(tmp_path, {f"class/net/e{at}/device": "" for at in (0, DEVICES_MAX + 1)})
    assert interface_layers(tmp_path, [f"e{at}" for at in range(DEVICES_MAX + 2)]) == {"e0": "physical"}


def test_of_many_interfaces_each_is_read_when_it_comes_and_once_a_minute(tmp_path: Path) -> None:
    many = (*net(tmp_path, "\n".join(f"veth{at} device" for at in range(FEW))), "eth0")
    layers = InterfaceLayers(tmp_path)
    net(tmp_path, "eth0 device")
    assert layers.of(many, 0.0)["eth0"] == "physical"
    net(tmp_path, "bond0 bonding device lower_eth0")  # of hardware, and over another
    (tmp_path / "class" / "net" / "eth0" / "master").symlink_to("../bond0")
    many += ("bond0",)
    assert (layers.of(many, 1.0)["eth0"], layers.of(many, 1.0)["bond0"]) == ("physical", "virtual"), "only what came"
    found = layers.of(many, READ_AGAIN_S)
    assert (found["eth0"], found["bond0"]) == ("virtual", "physical")
    assert "eth0" not in layers.of(tuple(name for name in many if name != "eth0"), READ_AGAIN_S + 1)


def test_a_long_chain_of_disks_ends(tmp_path: Path) -> None:
    names = block(tmp_path, "\n".join(f"(dm-{at}) dm-{at + 1}" for at in range(400)) + "\ndm-400 dm-0\nsda")
    assert disk_layers(tmp_path, names, _disk_of) == dict.fromkeys(names, "physical")

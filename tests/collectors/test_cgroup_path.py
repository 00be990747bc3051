from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitalcast.collectors.cgroup_path import unit_of

ID = "3f4a5b6c7d8e" + "0123456789abcdef" * 3 + "0123"
POD = "1b2c3d4e_aaaa_bbbb_cccc_0123456789ab"
USER = "/user.slice/user-1000.slice/user@1000.service"

GOLDEN = {
    "/": None,
    "/init.scope": "init.scope",
    "/system.slice/nginx.service": "nginx.service",
    "/system.slice/nginx.service (deleted)": "nginx.service",
    "/system.slice/system-getty.slice/getty@tty1.service": "getty@tty1.service",
    "/system.slice/system-postgresql.slice/postgresql@15-main.service": "postgresql@15-main.service",
    "/system.slice/mnt-data.mount": "mnt-data.mount",
    "/system.slice": "system.slice",
    "/../../system.slice/cron.service": "cron.service",
    "/user.slice/user-1000.slice/session-3.scope": "session-3.scope",
    "/user.slice/user-1000.slice": "user-1000.slice",
    f"{USER}/init.scope": "user@1000.service",
    f"{USER}/app.slice/app-gnome-firefox-2741.scope": "app-gnome-firefox-2741.scope",
    f"{USER}/app.slice/snap.firefox.firefox-6f0c4.scope": "snap.firefox.firefox-6f0c4.scope",
    f"{USER}/session.slice/pipewire.service": "pipewire.service",
    f"{USER}/app.slice/run-r0123456789abcdef0123456789abcdef.scope": "run-r0123456789abcdef0123456789abcdef.scope",
    f"/system.slice/docker-{ID}.scope": "docker/3f4a5b6c7d8e",
    f"/system.slice/docker-{ID}.scope/system.slice/nginx.service": "docker/3f4a5b6c7d8e",
    f"/docker/{ID}": "docker/3f4a5b6c7d8e",
    f"/docker/{ID[::-1]}/docker/{ID}": "docker/3f4a5b6c7d8e",
    f"/system.slice/containerd.service/kubepods-pod{POD}.slice:cri-containerd:{ID}": "cri-containerd/3f4a5b6c7d8e",
    f"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{POD}.slice/cri-containerd-{ID}.scope": (
        "cri-containerd/3f4a5b6c7d8e"
    ),
    f"/kubepods.slice/kubepods-pod{POD}.slice/crio-{ID}.scope/container": "crio/3f4a5b6c7d8e",
    f"/kubepods/besteffort/pod{POD}/{ID}": "kubepods/3f4a5b6c7d8e",
    f"/machine.slice/libpod-{ID}.scope/container": "libpod/3f4a5b6c7d8e",
    f"/machine.slice/libpod-conmon-{ID}.scope": "libpod-conmon/3f4a5b6c7d8e",
    f"{USER}/user.slice/libpod-{ID}.scope": "libpod/3f4a5b6c7d8e",
    f"/system.slice/nerdctl-{ID}.scope": "nerdctl/3f4a5b6c7d8e",
    f"/ecs/0123456789abcdef/{ID}": "ecs/3f4a5b6c7d8e",
    f"/actions_job/{ID}": "container/3f4a5b6c7d8e",
    "/lxc.payload.web": "lxc/web",
    "/lxc.payload.web/system.slice/nginx.service": "lxc/web",
    "/lxc/101/ns/init.scope": "lxc/101",
    f"/lxc.payload.web/docker/{ID}": "docker/3f4a5b6c7d8e",
    "/machine.slice/systemd-nspawn@web.service/payload": "nspawn/web",
    "/machine.slice/machine-qemu\\x2d1\\x2dweb.scope/libvirt/emulator": "machine/qemu-1-web",
    "/build": None,
}


@pytest.mark.parametrize(("path", "unit"), GOLDEN.items())
def test_a_path_tells_the_unit_or_the_container(path: str, unit: str | None) -> None:
    assert unit_of(f"0::{path}\n".encode()) == unit


def test_with_several_hierarchies_the_one_that_tells_counts() -> None:
    v1 = f"12:cpu,cpuacct:/docker/{ID}\n1:name=systemd:/system.slice/ssh.service\n0::/\n"
    assert unit_of(v1.encode()) == "ssh.service"
    assert unit_of(f"12:memory:/docker/{ID}\n1:name=systemd:/\n0::/\n".encode()) == "docker/3f4a5b6c7d8e"
    assert unit_of(b"9:name=systemd:/\n8:pids:/\n0::/\n") is None


@pytest.mark.parametrize(
    "text",
    [b"", b"0::", b"0:", b":::/a.service", b"x::/a.service", b"0::a.service", b"\xff\n\x00", b"0::/\x00\xff/..//"],
)
def test_what_is_no_path_tells_nothing(text: bytes) -> None:
    assert unit_of(text) is None


def test_names_are_printable_and_short() -> None:
    assert unit_of("0::/\x1b[2J\u202e.service".encode()) == r"\x1b[2J\u202e.service"
    assert unit_of(b"0::/machine.slice/machine-\\x1b\\xff.scope") == r"machine/\x1b\xff"
    assert len(unit_of(b"0::/" + b"a" * 5000 + b".service") or "") == 120


@given(
    st.binary(max_size=200)
    | st.lists(st.sampled_from([*GOLDEN, "\n", "0::", "7:x:", ":", "/"])).map(lambda parts: "".join(parts).encode())
)
def test_any_bytes_give_printable_text_or_nothing(text: bytes) -> None:
    unit = unit_of(text)
    assert unit is None or (unit.isprintable() and 0 < len(unit) <= 120)

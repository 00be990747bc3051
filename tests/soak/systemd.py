"""Installs the service under a real systemd, behind all its hardening: `python -m tests.soak.systemd`.

A manager of the system runs as the first process of namespaces of its own, as root, with nothing but a few empty
targets: it sees this machine's files, but keeps what it writes in memory. Needs root, unshare(1) and systemd below 256,
which still takes a named hierarchy of control groups. The trial does what a person would do.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

WITHIN_S = 180
SYSTEMD = ("/lib/systemd/systemd", "/usr/lib/systemd/systemd")

_FIRST = """
set -e
mount -t tmpfs -o mode=755 tmpfs /mnt
mkdir /mnt/python /mnt/folder /mnt/etc /mnt/etc.work /mnt/var /mnt/var.work
mount --bind {folder} /mnt/folder
mount --bind {python} /mnt/python
if [ -n "{hidden}" ]; then
    mount -t tmpfs -o mode=755 tmpfs {hidden}
    mkdir -p {python}
    mount --bind /mnt/python {python}
fi
for d in etc var; do
    mount -t overlay overlay -o lowerdir=/$d,upperdir=/mnt/$d,workdir=/mnt/$d.work /$d
done
mount -t tmpfs tmpfs /run
mount -t tmpfs -o mode=1777 tmpfs /tmp
mount -t tmpfs tmpfs /sys/fs/cgroup
mkdir /sys/fs/cgroup/systemd
mount -t cgroup -o none,name=systemd cgroup /sys/fs/cgroup/systemd
mkdir -p /sys/fs/cgroup/systemd/vitalcast-soak
echo $$ >/sys/fs/cgroup/systemd/vitalcast-soak/cgroup.procs
mount -t proc proc /proc
mkdir /run/units
for t in sysinit basic shutdown multi-user network-online default; do
    printf '[Unit]\\nDefaultDependencies=no\\n' >/run/units/$t.target
done
cat >/run/units/trial.service <<X
[Unit]
DefaultDependencies=no
[Service]
Type=oneshot
Environment=SYSTEMD_UNIT_PATH=/run/units:/etc/systemd/system
ExecStart=/bin/sh /mnt/folder/trial
StandardOutput=file:/mnt/folder/said
StandardError=file:/mnt/folder/said
ExecStopPost=/bin/sh -c 'kill -s RTMIN+14 1'
X
export container=other SYSTEMD_UNIT_PATH=/run/units:/etc/systemd/system
exec {systemd} --system --unit=trial.service --log-target=null --show-status=no
"""

_TRIAL = """
set -eux
cd /
mkdir -p /etc/vitalcast
printf '[server]\\nport = 8798\\n' >/etc/vitalcast/config.toml
vitalcast() {{ {program} "$@"; }}
vitalcast service install --system --config /etc/vitalcast/config.toml
vitalcast service install --system --config /etc/vitalcast/config.toml
vitalcast service status --system
process=$(systemctl show --property=MainPID --value vitalcast)
grep -E '^(Uid|CapEff|NoNewPrivs|Seccomp):' /proc/$process/status
grep -q '^CapEff:.*0000000400000000$' /proc/$process/status
{python} -c '
import json, urllib.request
address = "http://127.0.0.1:8798/api/v1/latest?metrics=system.>,process.>"
names = {{key.partition("{{")[0] for key in json.load(urllib.request.urlopen(address))["metrics"]}}
wanted = {{"system.cpu.utilization", "system.memory.usage", "system.disk.io.rate", "system.network.io.rate",
          "system.filesystem.usage", "process.cpu.utilization"}}
print(sorted(names))
assert wanted <= names, wanted - names
'
kill -KILL $process
set +x
until [ "$(systemctl show --property=NRestarts --value vitalcast)" = 1 ] && systemctl -q is-active vitalcast; do
    sleep 0.2
done
set -x
test -s /var/lib/vitalcast/.local/share/vitalcast/secret
setpriv --reuid vitalcast --regid vitalcast --clear-groups env HOME=/var/lib/vitalcast {program} mark trial
vitalcast service uninstall --system
! vitalcast service status --system
echo all is well
"""


def run(folder: Path) -> str:
    """Try it; return what was said."""
    python = Path(sys.base_prefix)
    words = {
        "folder": folder,
        "python": python,
        # A home that lets nobody in, in which Python lies, is replaced by one in which there is nothing else.
        "hidden": Path.home() if python.is_relative_to(Path.home()) else "",
        "systemd": next(one for one in SYSTEMD if Path(one).exists()),
    }
    program = f"{sys.executable} -P -m vitalcast"
    (folder / "first").write_text(_FIRST.format(**words), encoding="utf-8")
    (folder / "trial").write_text(_TRIAL.format(program=program, python=sys.executable), encoding="utf-8")
    (folder / "said").touch()
    command = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--propagation", "private"]
    with subprocess.Popen([*command, "/bin/sh", folder / "first"], stdin=subprocess.DEVNULL) as manager:
        try:
            manager.wait(WITHIN_S)
        except subprocess.TimeoutExpired:
            manager.kill()
    return (folder / "said").read_text(encoding="utf-8", errors="replace")


def main() -> int:
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        said = run(Path(folder))
    print(said, end="")
    return 0 if said.endswith("all is well\n") else 1


if __name__ == "__main__":
    sys.exit(main())

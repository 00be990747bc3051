"""systemd as it is asked here: by `systemctl`, about one unit of the system or of this user."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from vitalcast.cli.service_unit import ACCOUNT, MARK, NAME, STATE_FOLDER, SYSUSERS
from vitalcast.core.text import printable
from vitalcast.errors import ServiceError

BOOTED: Final = Path("/run/systemd/system")  # sd_booted(3)
LINGERING: Final = Path("/var/lib/systemd/linger")
SYSTEM_UNITS: Final = Path("/etc/systemd/system")
SYSUSERS_FILE: Final = Path("/etc/sysusers.d/vitalcast.conf")
TIMEOUT_S: Final = 120.0  # a start waits for the first sample, on a busy machine


class Systemd:
    """The manager of the system's services, or of this user's. Everything raises ServiceError with systemd's words."""

    def __init__(self, *, system: bool, user_units: Path | None = None) -> None:
        self.system = system
        folder = SYSTEM_UNITS if system else user_units or _user_units()
        self.unit = folder / NAME

    def check(self, *, to_look: bool = False) -> None:
        """Raise ServiceError where there is nobody to run a service, or this user may not have one run.

        `to_look` says that nothing is to be changed, for which a service of the system needs no root.
        """
        if shutil.which("systemctl") is None or not BOOTED.is_dir():
            raise ServiceError(
                "systemd does not run here; start `vitalcast` by what starts services on this machine. "
                "`vitalcast service show` prints the unit for another"
            )
        if self.system and not to_look and os.geteuid() != 0:
            raise ServiceError("a service of the system needs root: use sudo, or --user for one of your own")
        if not self.system:
            self._ask("list-units", "--no-legend", NAME)  # it says so where this user has no manager

    def check_unit(self) -> None:
        """Raise ServiceError where there is a unit that somebody else wrote."""
        try:
            theirs = not self.unit.read_text(encoding="utf-8", errors="replace").startswith(MARK)
        except FileNotFoundError:
            return
        except OSError as error:
            raise ServiceError(f"{self.unit} cannot be read: {error.strerror or error}") from error
        if theirs:
            raise ServiceError(f"{self.unit} was not written by this command; move it away first")

    def ask(self, *arguments: str) -> str:
        """Return what `systemctl` answers."""
        return self._ask(*arguments)

    def properties(self, *names: str) -> dict[str, str]:
        """Return properties of the unit by their names, empty where there is nothing to say."""
        lines = self._ask("show", NAME, f"--property={','.join(names)}").splitlines()
        found = dict(line.partition("=")[::2] for line in lines)
        return {name: found.get(name, "") for name in names}

    def log(self) -> list[str]:
        """Return the last lines that the service has written; none where nobody keeps them."""
        which = "--unit" if self.system else "--user-unit"
        done = _run(["journalctl", which, NAME, "--lines=5", "--output=cat", "--no-pager", "--quiet"])
        return [printable(line) for line in done.stdout.splitlines() if line.strip()] if done else []

    def _ask(self, *arguments: str) -> str:
        scope = () if self.system else ("--user",)
        done = _run(["systemctl", *scope, "--no-pager", *arguments])
        if done is None:
            raise ServiceError("systemctl cannot be run here")
        if done.returncode:
            said = done.stderr.strip().splitlines() or [f"it ended with {done.returncode}"]
            raise ServiceError(f"systemctl {arguments[0]}: {printable(said[0])}")
        return done.stdout


def make_account() -> bool:
    """Have the account of the service made, and say whether that was needed. Raises ServiceError."""
    import pwd

    try:
        pwd.getpwnam(ACCOUNT)
    except KeyError:
        write(SYSUSERS_FILE, SYSUSERS)
        done = _run(["systemd-sysusers", str(SYSUSERS_FILE)])
        if done is None or done.returncode:
            why = "systemd-sysusers is missing" if done is None else printable(done.stderr.strip())
            raise ServiceError(f"the account {ACCOUNT} cannot be made: {why}") from None
        return True
    return False


def try_as_account(command: Sequence[str]) -> None:
    """Run a command as the account of the service. Raises ServiceError with its words where it fails."""
    as_account = {"user": ACCOUNT, "group": ACCOUNT, "extra_groups": (), "cwd": "/"}
    try:
        done = _finished(command, env={"PATH": os.defpath, "HOME": STATE_FOLDER}, **as_account)
    except PermissionError:
        raise ServiceError(
            f"the account {ACCOUNT} may not run {command[0]}: install Vitalcast where everybody may read it, "
            "such as in /opt/vitalcast"
        ) from None
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ServiceError(f"{command[0]} cannot be run as {ACCOUNT}: {error}") from error
    if done.returncode:
        lines = [printable(line) for line in done.stderr.strip().splitlines()[-5:]]
        raise ServiceError("\n".join([f"as {ACCOUNT}, `vitalcast check` says:", *lines]))


def lingers() -> bool:
    """Say whether this user's services run while the user is logged out."""
    import pwd

    return (LINGERING / pwd.getpwuid(os.getuid()).pw_name).exists()


def write(path: Path, text: str) -> bool:
    """Have a file hold this text, and say whether it did not before. Raises ServiceError."""
    try:
        if path.is_file() and path.read_text(encoding="utf-8", errors="replace") == text:
            return False
        path.parent.mkdir(parents=True, exist_ok=True)
        _replace(path, text)
    except OSError as error:
        raise ServiceError(f"{path} cannot be written: {error.strerror or error}") from error
    return True


def _replace(path: Path, text: str) -> None:
    """Put a file in the place of what is there, which it never follows. Raises OSError."""
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # nobody else's, be it a link
    draft = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            os.fchmod(file.fileno(), 0o644)
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def _user_units() -> Path:
    named = os.environ.get("XDG_CONFIG_HOME", "")
    return (Path(named) if named.startswith("/") else Path.home() / ".config") / "systemd" / "user"


def _run(command: Sequence[str]) -> subprocess.CompletedProcess[str] | None:
    """Return what a program of systemd's said, None where it is not there or does not end."""
    try:
        return _finished(command)
    except (OSError, subprocess.TimeoutExpired):
        return None


def _finished(command: Sequence[str], **more: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - systemd's own programs, and this very one; none through a shell
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=TIMEOUT_S,
        check=False,
        **more,
    )

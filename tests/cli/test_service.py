"""`vitalcast service`: the unit that it writes, and what it says where it can do nothing."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.command import run
from tests.debian import program_of
from tests.examples import examples, section
from tests.reference.tables import page
from typer.testing import CliRunner

from vitalcast.cli import service as commands
from vitalcast.cli.main import app as cli
from vitalcast.cli.service import FOLDERS
from vitalcast.cli.service_unit import NAME, STATE_FOLDER, Service, quoted, unit_text
from vitalcast.cli.systemd import Systemd, write
from vitalcast.errors import InvalidSettings, ServiceError

EXPOSURE_MAX = 3.0  # of ten, as `systemd-analyze security` reckons it: 2.4 in 252, most of it what is to be shown
OFFLINE_FROM = 250  # the version of systemd since which it reckons that of a file
PACKAGES = ("systemd", "libsystemd-shared", "libkmod2", "libseccomp2", "libip4tc2", "libgcrypt20", "libgpg-error0")


def service(**changes: object) -> Service:
    given = {"command": ["/usr/bin/env"], "folder": STATE_FOLDER, "system": True, "environment": {}}
    return Service(**given | changes)  # type: ignore[arg-type]


@pytest.fixture
def show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """`vitalcast service show` in an empty folder, of a user who has configured nothing."""
    monkeypatch.chdir(tmp_path)
    for name in FOLDERS:
        monkeypatch.setenv(name, str(tmp_path))

    def show(*, system: bool = False) -> str:
        commands.install(system, dry_run=True)
        return capsys.readouterr().out

    return show


@pytest.mark.parametrize("scope", ["--system", "--user"])
def test_systemd_finds_nothing_wrong_with_the_unit(
    scope: str, show: Callable[..., str], tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    text = show(system=scope == "--system")
    if (analyze := program_of("systemd-analyze", *PACKAGES)) is None:
        record_property("ran", "the unit was not tried: systemd-analyze is not to be had on this machine")
        return
    units = analyze.path.parents[2] / "lib" / "systemd" / "system"  # of the package, where it is unpacked
    environ = os.environ | analyze.environment | {"XDG_RUNTIME_DIR": str(tmp_path)}  # for --user without a log-in
    environ["SYSTEMD_UNIT_PATH"] = f"{tmp_path}:{units}:"

    def tried(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        command = [analyze.path, *arguments]
        return subprocess.run(command, capture_output=True, text=True, env=environ, check=False)

    unit = tmp_path / NAME
    unit.write_text(text, encoding="utf-8")
    verified = tried("verify", "--man=no", scope, unit)
    assert (verified.returncode, [line for line in verified.stderr.splitlines() if NAME in line]) == (0, [])
    version = tried("--version").stdout.splitlines()[0]
    if scope == "--system" and int(version.split()[1]) >= OFFLINE_FROM:
        done = tried("security", "--offline=true", f"--threshold={EXPOSURE_MAX * 10:.0f}", "--no-pager", unit)
        assert done.returncode == 0, done.stdout + done.stderr
    record_property("ran", f"the unit was tried by {version}, {analyze.origin}")


def test_no_setting_of_the_environment_gets_into_the_unit(
    show: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VITALCAST_TOKEN", "s3cret")
    monkeypatch.setenv("VITALCAST_SERVER__PORT", "1234")
    unit = show()
    assert "s3cret" not in unit
    assert "1234" not in unit


def test_the_file_in_use_is_the_services_file_by_its_whole_path(show: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("[server]\nport = 443\n", encoding="utf-8")
    unit = show(system=True)
    assert re.search(rf"^ExecStart=/.+ --config {re.escape(str(tmp_path / 'config.toml'))}$", unit, re.MULTILINE)
    assert "AmbientCapabilities=CAP_SYSLOG CAP_NET_BIND_SERVICE\n" in unit


def test_wrong_settings_are_said_before_anything_is_written(show: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("[server]\nprot = 443\n", encoding="utf-8")
    with pytest.raises(InvalidSettings, match=r"did you mean server\.port"):
        show()


def test_the_commands_of_the_recipe_are_understood() -> None:
    lines = examples(section(page("recipes.md"), "A service of systemd"), "sh")[0].splitlines()
    parts = [shlex.split(line.removeprefix("sudo "), comments=True) for line in lines]
    assert {Path(program).name for program, *_ in parts} == {"vitalcast"}
    assert {command for _, _, command, *_ in parts} == {"install", "uninstall", "status", "show"}
    for _, *arguments in parts:
        done = CliRunner().invoke(cli, [*arguments, "--help"])
        assert done.exit_code == 0, done.output


def test_capabilities_are_few_and_asked_for() -> None:
    assert "CAP_SYS_PTRACE" not in unit_text(service(capabilities=["CAP_SYSLOG"]))
    assert "CapabilityBoundingSet=CAP_A CAP_B\n" in unit_text(service(capabilities=["CAP_A", "CAP_B"]))


def test_words_are_read_back_as_they_were() -> None:
    assert quoted("/opt/vitalcast/bin/vitalcast") == "/opt/vitalcast/bin/vitalcast"
    assert quoted('/a b/100%/"c\\') == r'"/a b/100%%/\"c\\"'
    assert "ExecStart=/x '\n" not in unit_text(service(command=["/x", "'"]))
    assert 'ExecStart=/x "$$HOME"\n' in unit_text(service(command=["/x", "$HOME"]))
    assert 'Environment="XDG_DATA_HOME=/$HOME"\n' in unit_text(service(environment={"XDG_DATA_HOME": "/$HOME"}))


@pytest.mark.parametrize(
    "changes",
    [
        {"command": ["/x", "--config", "/a\nExecStartPre=+/bin/sh/config.toml"]},
        {"command": ["/a\r/x"]},
        {"command": ["/x", "/\udcff.toml"]},
        {"environment": {"XDG_DATA_HOME": "/a\n[Service]"}},
        {"writable": ["/a\x00"]},
        {"folder": "/a\nUser=root"},
        {"folder": "/a\\"},
        {"folder": "/a "},
    ],
)
def test_a_name_that_would_be_read_back_as_something_else_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ServiceError, match=r"a unit cannot name .*/") as refused:
        unit_text(service(**changes))
    assert str(refused.value).isprintable()


def test_the_path_of_the_program_may_have_any_sign_that_prints() -> None:
    assert 'ExecStart="/opt/a b$c%%/é" "$$x"\n' in unit_text(service(command=["/opt/a b$c%/é", "$x"]))


def test_a_file_is_written_once(tmp_path: Path) -> None:
    path = tmp_path / "deep" / NAME
    assert [write(path, "a"), write(path, "a"), write(path, "b")] == [True, False, True]
    assert path.stat().st_mode & 0o777 == 0o644
    assert [one.name for one in path.parent.iterdir()] == [NAME]
    theirs = tmp_path / "theirs"
    theirs.write_text("")
    path.unlink()
    for name in (NAME, f".{NAME}.new"):
        path.with_name(name).symlink_to(theirs)
    write(path, "c")
    assert (path.is_symlink(), path.read_text(), theirs.read_text()) == (False, "c", "")
    with pytest.raises(ServiceError, match="cannot be written: "):
        write(path / "below", "a")


def test_a_unit_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    manager = Systemd(system=False, user_units=tmp_path)
    manager.check_unit()
    write(manager.unit, unit_text(service()))
    manager.check_unit()
    write(manager.unit, "[Service]\nExecStart=/opt/mine\n")
    with pytest.raises(ServiceError, match="was not written by this command; move it away first"):
        manager.check_unit()


def test_where_there_is_no_systemd_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = run("service", "install", "--user", cwd=tmp_path, PATH=str(tmp_path))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("vitalcast: error: systemd does not run here; start `vitalcast` by ")
    monkeypatch.setenv("PATH", str(tmp_path))
    for command in (commands.status, commands.uninstall):
        with pytest.raises(ServiceError, match="systemd does not run here"):
            command(False)


def test_a_service_of_the_system_needs_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vitalcast.cli.systemd.BOOTED", tmp_path)
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    (tmp_path / "systemctl").write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    (tmp_path / "systemctl").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ServiceError, match="needs root: use sudo, or --user"):
        Systemd(system=True).check()
    Systemd(system=True).check(to_look=True)

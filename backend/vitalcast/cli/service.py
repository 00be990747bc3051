"""`vitalcast service`: has systemd run the server, now and whenever the machine or the user starts."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from vitalcast.cli.options import Config
from vitalcast.cli.output import say
from vitalcast.cli.service_unit import ACCOUNT, NAME, STATE_FOLDER, Service, unit_text
from vitalcast.core.text import printable
from vitalcast.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vitalcast.cli.systemd import Systemd
    from vitalcast.config.load import Loaded

EXIT_STOPPED: Final = 3  # as `systemctl status` has it
PORTS_OF_ROOT: Final = range(1, 1024)
FOLDERS: Final = ("XDG_CONFIG_HOME", "XDG_DATA_HOME")  # in which the commands of this user look, so must the service

app = typer.Typer(
    name="service",
    help="Have systemd run the server: install, uninstall, status, show.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

OfSystem = Annotated[
    bool | None,
    typer.Option(
        "--system/--user",
        help="A service of the system, or one of your own.",
        show_default="the system's for root, else your own",
    ),
]
ProcessIo = Annotated[
    bool,
    typer.Option(
        "--process-io",
        help="Let a service of the system see what other users' processes read and write. It takes the capability "
        "CAP_SYS_PTRACE, with which a program can do much more.",
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only print the unit.")]


@app.command()
def show(system: OfSystem = None, config: Config = None, process_io: ProcessIo = False) -> None:
    """Print the unit that `install` writes."""
    sys.stdout.write(unit_text(_service(_is_of_system(system), _loaded(config), process_io=process_io)))


@app.command()
def install(
    system: OfSystem = None, config: Config = None, process_io: ProcessIo = False, dry_run: DryRun = False
) -> None:
    """Write the unit, enable it and start the server. What is there already stays.

    Settings come from the configuration file that is found here, as without the service. Nothing secret is in the unit.
    """
    if dry_run:
        show(system, config, process_io)
        return
    from vitalcast.cli import systemd

    manager = systemd.Systemd(system=_is_of_system(system))
    manager.check()
    loaded = _loaded(config)
    service = _service(manager.system, loaded, process_io=process_io)
    manager.check_unit()
    for line in _remarks(loaded, service):
        say(f"note: {line}", err=True)
    if manager.system:
        if systemd.make_account():
            say(f"made the account {ACCOUNT}")
        systemd.try_as_account([*_program(), "check", *_options(loaded)])
    changed = systemd.write(manager.unit, unit_text(service))
    say(f"{'wrote' if changed else 'kept'} {manager.unit}")
    manager.ask("daemon-reload")
    manager.ask("enable", "--quiet", NAME)
    _start(manager, anew=changed)
    if not manager.system and not systemd.lingers():
        say("it ends when you log out; `loginctl enable-linger` has it run from the start of the machine on", err=True)


def _start(manager: Systemd, *, anew: bool) -> None:
    try:
        manager.ask("restart" if anew else "start", NAME)
    except ServiceError as error:
        raise ServiceError("\n".join([str(error), *manager.log()])) from None
    (told,) = manager.properties("StatusText").values()
    say(f"{NAME} is enabled and runs: {printable(told)}" if told else f"{NAME} is enabled and runs")


@app.command()
def uninstall(system: OfSystem = None) -> None:
    """Stop the server, disable the unit and remove it. Settings, tokens and the history stay."""
    from vitalcast.cli.systemd import Systemd

    manager = Systemd(system=_is_of_system(system))
    manager.check()
    if not manager.unit.exists():
        say(f"there is no {manager.unit}", err=True)
        return
    manager.check_unit()
    manager.ask("disable", "--now", "--quiet", NAME)
    try:
        manager.unit.unlink(missing_ok=True)
    except OSError as error:
        raise ServiceError(f"{manager.unit} cannot be removed: {error.strerror or error}") from error
    manager.ask("daemon-reload")
    with suppress(ServiceError):  # one that had not failed
        manager.ask("reset-failed", NAME)
    say(f"stopped {NAME} and removed {manager.unit}")
    if manager.system:
        say(f"the account {ACCOUNT} and what it keeps in {STATE_FOLDER} stay", err=True)


@app.command()
def status(system: OfSystem = None) -> None:
    """Say whether the service runs. The exit code is 0 if it does, else 3."""
    from vitalcast.cli.systemd import Systemd

    manager = Systemd(system=_is_of_system(system))
    manager.check(to_look=True)
    names = ("ActiveState", "SubState", "UnitFileState", "MainPID", "ActiveEnterTimestamp", "NRestarts", "StatusText")
    state, detail, enabled, pid, since, restarts, told = manager.properties(*names).values()
    if not manager.unit.exists():
        say(f"not installed: there is no {manager.unit}")
        raise typer.Exit(EXIT_STOPPED)
    running = state == "active"
    say(f"unit: {manager.unit} ({enabled or 'unknown'})")
    say(f"state: {state} ({detail})" + (f" since {since}, process {pid}" if running else ""))
    if running and told:
        say(printable(told))
    if restarts not in ("", "0"):
        say(f"restarts: {restarts}")
    for line in () if running else manager.log():
        say(line)
    if not running:
        raise typer.Exit(EXIT_STOPPED)


def _is_of_system(wanted: bool | None) -> bool:
    if os.name != "posix":
        raise ServiceError("systemd is of Linux: start `vitalcast` by what starts services on this machine")
    return os.geteuid() == 0 if wanted is None else wanted


def _loaded(config: Path | None) -> Loaded:
    from vitalcast.config.load import load_settings

    return load_settings(config)


def _service(system: bool, loaded: Loaded, *, process_io: bool) -> Service:
    from vitalcast.config.folders import data_folder

    settings = loaded.settings
    command = [*_program(), *_options(loaded)]
    if not system:
        environment = {name: os.environ[name] for name in FOLDERS if os.environ.get(name)}
        return Service(command, str(data_folder(settings.access.data_dir).resolve()), False, environment)
    capabilities = ["CAP_SYSLOG"]  # the kernel's log says whom it killed for want of memory
    if process_io:
        capabilities.append("CAP_SYS_PTRACE")
    if settings.server.port in PORTS_OF_ROOT:
        capabilities.append("CAP_NET_BIND_SERVICE")
    history = Path(settings.history.path).parent if settings.history.path else None
    named = (settings.access.data_dir, "" if history is None else str(history))
    writable = [str(Path(path).expanduser()) for path in named if Path(path).expanduser().is_absolute()]
    return Service(command, STATE_FOLDER, True, {}, capabilities, writable)


def _program() -> list[str]:
    """Return what runs this very program, by paths that are good from everywhere."""
    python = Path(sys.executable).absolute()  # the link in a virtual environment, which leads to its packages
    script = python.with_name("vitalcast")
    # Without `-P`, modules in the working folder would be taken for Python's own.
    return [str(script)] if os.access(script, os.X_OK) else [str(python), "-P", "-m", "vitalcast"]


def _options(loaded: Loaded) -> list[str]:
    return [] if loaded.path is None else ["--config", str(loaded.path.absolute())]


def _remarks(loaded: Loaded, service: Service) -> Iterator[str]:
    given = sorted(key for key, origin in loaded.origins.items() if origin.startswith("VITALCAST_"))
    if given:
        yield f"set by the environment here, and not in the service: {', '.join(given)}; write them to the file"
    yield "settings: " + (str(loaded.path) if loaded.path else "the defaults, since there is no config.toml")
    if service.system and "CAP_SYS_PTRACE" not in service.capabilities:
        yield "what other users' processes read and write stays unknown; --process-io has it seen"

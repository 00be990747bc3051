"""Finding a browser: what is named is taken, and no failure is silent."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.browser import chromium
from tests.browser.chromium import ENVIRONMENT_VARIABLE, NoChromiumError, find_chromium


def program(path: Path, body: str = "echo Chromium 1.2.3") -> Path:
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


def test_takes_the_one_that_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named = program(tmp_path / "mine")
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, str(named))
    assert find_chromium().executable == named


def test_does_not_replace_a_named_one_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named = program(tmp_path / "mine", "echo libnothing.so is missing >&2; exit 127")
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, str(named))
    with pytest.raises(NoChromiumError, match=r"libnothing\.so is missing"):
        find_chromium()


def test_prefers_what_is_on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ENVIRONMENT_VARIABLE, raising=False)
    found = program(tmp_path / "google-chrome")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(chromium, "NAMES", ("google-chrome",))
    assert find_chromium(cache=tmp_path).executable == found


def test_takes_the_kind_that_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, "npm")
    program(tmp_path / "chromium")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    unpacked = tmp_path / "cache" / chromium.NPM_PACKAGE.replace("/", "+")
    (unpacked / "al2023" / "lib").mkdir(parents=True)
    fetched = program(unpacked / "chromium")
    assert find_chromium(cache=tmp_path / "cache").executable == fetched


def test_tells_what_it_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ENVIRONMENT_VARIABLE, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path))
    monkeypatch.setattr(chromium.sys, "executable", str(program(tmp_path / "python", "echo no network; exit 1")))
    with pytest.raises(NoChromiumError) as caught:
        find_chromium(cache=tmp_path)
    told = str(caught.value)
    for part in (ENVIRONMENT_VARIABLE, "PATH", "Playwright has none", "no network", "npm is not there", "apt-get"):
        assert part in told

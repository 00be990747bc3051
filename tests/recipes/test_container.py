"""The container's recipe, as far as it goes without a container: settings, program and health check are real."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from tests.e2e.server import CHECKOUT
from tests.examples import examples, section
from tests.reference.tables import page

from vitalcast.config.load import load_settings

RECIPE = section(page("recipes.md"), "A container")


@pytest.fixture(scope="module")
def lines() -> list[tuple[str, str]]:
    """The instructions of the Containerfile, each with what follows."""
    (text,) = examples(RECIPE, "dockerfile")
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in text.replace("\\\n", "").splitlines())]


def test_its_variables_are_settings_and_its_mounts_are_where_they_say(
    lines: list[tuple[str, str]], tmp_path: Path
) -> None:
    (variables,) = (rest for word, rest in lines if word == "ENV")
    environ = dict(variable.split("=") for variable in variables.split())
    settings = load_settings(environ=environ, cwd=tmp_path, user_config_dir=tmp_path).settings
    collectors = settings.collectors
    mounted = dict(re.findall(r"--volume (/[a-z]*):(/host/[a-z]+):ro", examples(RECIPE, "sh")[0]))
    assert mounted == {"/proc": collectors.procfs, "/sys": collectors.sysfs, "/": collectors.rootfs}
    assert collectors.cgroupfs.startswith(collectors.sysfs)
    assert settings.server.host == "0.0.0.0"
    assert ("VOLUME", settings.access.data_dir) in lines
    assert ("EXPOSE", str(settings.server.port)) in lines


def test_its_python_and_its_program_are_those_of_the_package(lines: list[tuple[str, str]]) -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    (program,) = (json.loads(rest) for word, rest in lines if word == "CMD")
    assert program[0] in project["scripts"]
    (image,) = (rest for word, rest in lines if word == "FROM")
    version = image.removeprefix("python:").removesuffix("-slim")
    assert f"Programming Language :: Python :: {version}" in project["classifiers"]


def test_its_sign_of_life_tells_a_server_from_none(lines: list[tuple[str, str]], address: str) -> None:
    (command,) = (json.loads(rest.removeprefix("CMD ")) for word, rest in lines if word == "HEALTHCHECK")
    assert command[:2] == ["python", "-c"]
    for where, well in ((address, True), ("127.0.0.1:9", False)):
        script = command[2].replace("127.0.0.1:8000", where)
        done = subprocess.run([sys.executable, "-c", script], check=False, capture_output=True)
        assert (done.returncode == 0) is well

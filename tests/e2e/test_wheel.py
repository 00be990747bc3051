"""The wheel, unpacked away from the checkout, is the whole program: page and all."""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.request
import zipfile
from pathlib import Path

import pytest
from tests.e2e.server import CHECKOUT, Variant, running

WITHIN_S = 120


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel and unpack it as an installer would; return the folder that holds the package."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(command, cwd=CHECKOUT, check=True, capture_output=True, timeout=WITHIN_S)
    [wheel] = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        assert not [name for name in archive.namelist() if "__pycache__" in name]
        archive.extractall(folder / "site")
    return folder / "site"


def test_it_carries_every_file_of_the_frontend(installed: Path) -> None:
    def files(folder: Path) -> set[str]:
        return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}

    wanted = {name for name in files(CHECKOUT / "frontend") if not Path(name).name.startswith(".")}
    assert "index.html" in wanted
    assert wanted - files(installed / "vitalcast" / "_frontend") == set()


def test_it_carries_the_reference_manual(installed: Path) -> None:
    def pages(folder: Path) -> dict[str, str]:
        return {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.md")}

    manual = pages(CHECKOUT / "backend" / "vitalcast" / "reference")
    assert "wire.md" in manual
    assert pages(installed / "vitalcast" / "reference") == manual


def test_it_carries_nothing_of_the_tests(installed: Path) -> None:
    assert {path.name for path in installed.iterdir() if not path.name.endswith(".dist-info")} == {"vitalcast"}
    assert (installed / "vitalcast" / "py.typed").is_file()


def test_it_serves_the_page_away_from_the_checkout(installed: Path, tmp_path: Path) -> None:
    variables = {"PYTHONPATH": str(installed)}
    where = [sys.executable, "-c", "import vitalcast; print(vitalcast.__file__)"]
    found = subprocess.run(where, cwd=tmp_path, env=os.environ | variables, check=True, capture_output=True, text=True)
    assert found.stdout.startswith(str(installed))
    with running(Variant.FAST, variables) as server:
        with urllib.request.urlopen(f"{server.url}/", timeout=WITHIN_S) as answer:
            page = answer.read().decode()
        assert "<html" in page
        script = page.split('src="', 1)[1].split('"', 1)[0]
        with urllib.request.urlopen(f"{server.url}/{script.lstrip('/')}", timeout=WITHIN_S) as answer:
            assert answer.headers["Content-Type"].startswith("text/javascript")
            assert answer.read()
        with urllib.request.urlopen(f"{server.url}/docs/wire", timeout=WITHIN_S) as answer:
            assert "<h1>The wire</h1>" in answer.read().decode()


def test_it_carries_the_benchmarks(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "__init__.py").touch()  # another package of that name comes first
    command = [sys.executable, "-m", "vitalcast", "bench", "--only", "nonsense"]
    variables = os.environ | {"PYTHONPATH": str(installed)}
    ran = subprocess.run(command, cwd=tmp_path, env=variables, capture_output=True, text=True, timeout=WITHIN_S)
    assert ran.returncode == 2, ran.stderr
    assert "no benchmark is called nonsense; there are fanout," in ran.stderr

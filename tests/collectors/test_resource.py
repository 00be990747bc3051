"""A machine keeps its id over restarts and renames, and two machines never share one."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from vitalcast.collectors.resource import (
    ID_FILE,
    cpu_model,
    host_resource,
    machine_id,
    os_version,
    parse_cpu_model,
    parse_os_release,
)
from vitalcast.core.metrics.resource import Resource, check_id
from vitalcast.machine import HERE, Roots

ID = "0123456789abcdef0123456789abcdef"


def roots(folder: Path, **files: str) -> Roots:
    """Return a machine whose `etc` has these files."""
    (folder / "etc").mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / "etc" / name.replace("_", "-")).write_text(text)
    return replace(HERE, rootfs=folder, procfs=folder)


def test_the_id_comes_from_the_machines_own_which_it_does_not_show(tmp_path: Path) -> None:
    first = machine_id(roots(tmp_path, machine_id=f"{ID}\n"))
    assert re.fullmatch(r"[0-9a-f]{32}", first)
    assert first != ID
    assert machine_id(roots(tmp_path, machine_id=ID, hostname="renamed")) == first
    assert machine_id(roots(tmp_path, machine_id=ID.replace("0", "1"))) != first


@pytest.mark.parametrize("text", ["", "uninitialized\n", "0" * 32, ID[:-1], ID + "0", "../../etc/passwd", "ü" * 32])
def test_what_is_no_machine_id_is_none(text: str, tmp_path: Path) -> None:
    assert machine_id(roots(tmp_path, machine_id=text)) == ""


def test_without_one_a_random_id_is_kept(tmp_path: Path) -> None:
    machine, data = roots(tmp_path), tmp_path / "data" / "vitalcast"
    first = host_resource(machine, data_folder=data)
    assert host_resource(machine, data_folder=data).id == first.id
    assert (data / ID_FILE).stat().st_mode & 0o777 == 0o600
    assert host_resource(machine, data_folder=tmp_path / "other").id != first.id


def test_an_id_that_cannot_be_kept_is_said_and_there_all_the_same(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    check_id(host_resource(roots(tmp_path), data_folder=tmp_path / "file").id)
    assert "set host.id to keep one" in caplog.text


def test_a_kept_id_that_is_none_is_said_and_still_the_same_each_time(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / ID_FILE).write_bytes(b"\xff no id \x1b[31m")
    first, second = (host_resource(roots(tmp_path), data_folder=tmp_path).id for _ in range(2))
    assert first == second
    check_id(first)
    assert "holds no id" in caplog.text


def test_what_is_set_counts(tmp_path: Path) -> None:
    resource = host_resource(roots(tmp_path, machine_id=ID), id_="web_1", name="Web \u202e 1")
    assert (resource.id, resource.name) == ("web_1", "Web \\u202e 1")


def test_a_host_name_of_any_bytes_can_be_shown(tmp_path: Path) -> None:
    machine = roots(tmp_path, machine_id=ID)
    (tmp_path / "etc" / "hostname").write_bytes(b"\xff" * 300)
    assert host_resource(machine).name == ("\\xff" * 64)[:255]


def test_the_attributes_say_what_machine_it_is(tmp_path: Path) -> None:
    machine = roots(
        tmp_path, machine_id=ID, os_release='PRETTY_NAME="Debian 12"\nVERSION_ID="12"\n', hostname="web-1\n"
    )
    (tmp_path / "cpuinfo").write_text("processor : 0\nmodel name\t: AMD  EPYC\n\nmodel name\t: another\n")
    resource = host_resource(machine)
    attributes = dict(resource.attributes)
    assert list(attributes) == sorted(attributes)
    assert attributes["host.name"] == resource.name == "web-1"
    assert attributes["host.cpu.model.name"] == "AMD EPYC"
    assert attributes["os.version"] == "12"
    assert attributes["os.description"] == "Debian 12"
    assert attributes["os.type"] and attributes["os.build_id"]
    assert attributes["host.arch"]


def test_hostile_files_give_printable_text() -> None:
    assert parse_cpu_model(b"model name : \x1b[31m\xff\n").isprintable()
    assert parse_os_release(b"VERSION_ID='\x07\xfe'\n=\n==\n").isprintable()
    assert parse_os_release(b"") == parse_cpu_model(b"") == ""
    assert parse_os_release(b"BUILD_ID=rolling\n") == "rolling"


def test_this_machine_has_a_version_and_perhaps_a_model() -> None:
    assert os_version()
    assert cpu_model().isprintable()


@pytest.mark.parametrize("id_", ["", "a.b", "a b", "a/b", "*", ">", "ü", "a" * 65, "a\n"])
def test_an_id_fits_into_a_subject(id_: str) -> None:
    with pytest.raises(ValueError, match="an id has 1 to 64"):
        Resource(id_, "web-1")


@pytest.mark.parametrize("name", ["", "a\nb", "\x1b[0m", "a" * 256])
def test_a_name_can_be_shown(name: str) -> None:
    with pytest.raises(ValueError, match="a name has 1 to 255"):
        Resource("web-1", name)

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from vitalcast.config.schema import FIELDS
from vitalcast.errors import ConfigError
from vitalcast.machine import HERE, Exclusions, Roots, matcher


def test_the_settings_have_each_root_and_each_list_of_globs() -> None:
    roots = {field.name for field in fields(Roots)} - {"psutil"}
    lists = {f"exclude_{field.name}" for field in fields(Exclusions)}
    assert {f"collectors.{name}" for name in roots | lists} <= FIELDS.keys()
    for name in roots:
        assert FIELDS[f"collectors.{name}"].default == str(getattr(HERE, name))


def test_the_defaults_are_the_machine_that_this_runs_on() -> None:
    assert Roots.of(procfs="/proc", sysfs="/sys", cgroupfs="/sys/fs/cgroup", rootfs="/") == HERE
    assert (HERE.procfs_is_ours, HERE.rootfs_is_ours, HERE.psutil) == (True, True, False)


def test_a_slash_at_the_end_changes_nothing() -> None:
    assert Roots.of(procfs="/proc/").procfs_is_ours


def test_another_machine_is_read_from_its_files_alone(tmp_path: Path) -> None:
    roots = Roots.of(procfs=str(tmp_path), rootfs=str(tmp_path))
    assert (roots.procfs_is_ours, roots.rootfs_is_ours, roots.psutil) == (False, False, False)


@pytest.mark.parametrize(
    ("path", "what"),
    [
        ("/nowhere/at/all", "does not exist"),
        ("proc", "is not absolute"),
        (__file__, "is not a folder"),
        (f"{__file__}/proc", "does not exist"),
        ("/" + "x" * 300, "cannot be read"),
    ],
)
@pytest.mark.parametrize("name", ["procfs", "sysfs", "cgroupfs", "rootfs"])
def test_a_root_that_is_no_folder_is_refused_by_name(name: str, path: str, what: str) -> None:
    with pytest.raises(ConfigError, match=rf"collectors\.{name}: {path[:20]}.* {what}"):
        Roots.of(**{name: path})


@pytest.mark.parametrize(
    ("globs", "text", "matches"),
    [
        ((), "", False),
        (("sd?",), "sda", True),
        (("sd?",), "sda1", False),
        (("sd?", "*1"), "sda1", True),
        (("SD*",), "sda", False),
        (("/a/*",), "/a/b/c", True),
        (("/a/*",), "/a", False),
        (("[!s]*",), "sda", False),
        (("a.b",), "axb", False),
        (("a|b",), "a", False),
        (("a*",), "a\nb", True),
        (("[",), "[", True),
    ],
)
def test_a_text_is_matched_whole_by_any_glob(globs: tuple[str, ...], text: str, matches: bool) -> None:
    assert matcher(globs)(text) is matches

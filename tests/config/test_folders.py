"""The folders of a user by platform and environment; where they were in version 0.1, there they are still found."""

from __future__ import annotations

import pwd
from pathlib import Path

import pytest

from vitalcast.config.folders import user_config_folder, user_data_folder
from vitalcast.errors import ConfigError

VARIABLES = ("HOME", "USERPROFILE", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "APPDATA", "LOCALAPPDATA")


@pytest.fixture(autouse=True)
def environ(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment that names no folder but a home."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", "/home/a")
    return monkeypatch


@pytest.mark.parametrize(
    ("platform", "variables", "config", "data"),
    [
        ("linux", {}, "/home/a/.config/vitalcast", "/home/a/.local/share/vitalcast"),
        ("linux", {"XDG_CONFIG_HOME": "/c", "XDG_DATA_HOME": "/d"}, "/c/vitalcast", "/d/vitalcast"),
        (
            "linux",
            {"XDG_CONFIG_HOME": "relative", "XDG_DATA_HOME": "~/d"},
            "/home/a/.config/vitalcast",
            "/home/a/.local/share/vitalcast",
        ),
        ("linux", {"HOME": "/home/b/"}, "/home/b/.config/vitalcast", "/home/b/.local/share/vitalcast"),
        (
            "darwin",
            {},
            "/home/a/Library/Application Support/vitalcast",
            "/home/a/Library/Application Support/vitalcast",
        ),
        ("darwin", {"XDG_DATA_HOME": "/d"}, "/home/a/Library/Application Support/vitalcast", "/d/vitalcast"),
    ],
)
def test_the_folders_are_where_the_platform_has_them(
    environ: pytest.MonkeyPatch, platform: str, variables: dict[str, str], config: str, data: str
) -> None:
    for name, value in variables.items():
        environ.setenv(name, value)
    assert user_config_folder(platform) == Path(config)
    assert user_data_folder(platform) == Path(data)


def test_on_macos_the_file_of_version_0_1_is_found_where_it_was(environ: pytest.MonkeyPatch, tmp_path: Path) -> None:
    environ.setenv("HOME", str(tmp_path))
    environ.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    new = tmp_path / "xdg" / "vitalcast"
    old = tmp_path / "Library" / "Application Support" / "vitalcast"
    assert user_config_folder("darwin") == new
    old.mkdir(parents=True)
    assert user_config_folder("darwin") == old
    new.mkdir(parents=True)
    assert user_config_folder("darwin") == new


def test_an_account_without_a_home_has_no_configuration_and_its_data_where_it_is_told_that_it_may_not_write(
    environ: pytest.MonkeyPatch,
) -> None:
    def nobody(_: int) -> None:
        raise KeyError

    environ.delenv("HOME")
    environ.setattr(pwd, "getpwuid", nobody)
    assert user_config_folder("linux") is None
    assert user_data_folder("linux") == Path("/.local/share/vitalcast")


@pytest.mark.parametrize("text", ["/data\r", "/da\x1b[31mta", "/a\u2028b"])
@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("HOME", user_config_folder),
        ("HOME", user_data_folder),
        ("XDG_CONFIG_HOME", user_config_folder),
        ("XDG_DATA_HOME", user_data_folder),
    ],
)
def test_a_folder_with_a_control_character_is_refused(
    environ: pytest.MonkeyPatch, name: str, folder: object, text: str
) -> None:
    environ.setenv(name, text)
    assert callable(folder)
    with pytest.raises(ConfigError, match="holds a control character") as caught:
        folder("linux")
    assert caught.value.key == name


def test_a_home_whose_name_is_not_utf_8_is_a_home(environ: pytest.MonkeyPatch) -> None:
    environ.setenv("HOME", "/home/caf\udce9")
    assert user_config_folder("linux") == Path("/home/caf\udce9/.config/vitalcast")

"""Where a user's data lies."""

from __future__ import annotations

from pathlib import Path

import pytest

from vitalcast.config.folders import default_data_dir
from vitalcast.errors import ConfigError


@pytest.mark.parametrize(
    ("platform", "environ", "expected"),
    [
        ("linux", {"HOME": "/home/a"}, "/home/a/.local/share/vitalcast"),
        ("linux", {"HOME": "/home/a", "XDG_DATA_HOME": "/xdg"}, "/xdg/vitalcast"),
        ("linux", {"HOME": "/home/a", "XDG_DATA_HOME": "relative"}, "/home/a/.local/share/vitalcast"),
        ("darwin", {"HOME": "/Users/a"}, "/Users/a/Library/Application Support/vitalcast"),
        ("win32", {"HOME": "/u", "LOCALAPPDATA": "/u/Local"}, "/u/Local/vitalcast"),
        ("win32", {"HOME": "/u", "XDG_DATA_HOME": "/xdg"}, "/u/AppData/Local/vitalcast"),
    ],
)
def test_the_folder_is_where_the_platform_has_it(platform: str, environ: dict[str, str], expected: str) -> None:
    assert default_data_dir(environ, platform) == Path(expected)


@pytest.mark.parametrize("name", ["XDG_DATA_HOME", "HOME"])
def test_a_folder_of_the_user_with_a_control_character_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="holds a control character") as caught:
        default_data_dir({name: "/data\r"}, "linux")
    assert caught.value.key == name

"""Loads settings out of nothing but what a test puts there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_origin

import pytest

from vitalcast.config.load import Loaded, load_settings
from vitalcast.config.schema import FIELDS
from vitalcast.errors import InvalidSettings

TEXT_FIELDS = [key for key, info in FIELDS.items() if info.annotation is str or get_origin(info.annotation) is tuple]


class Loader:
    """Loads settings out of nothing but what a test puts there."""

    def __init__(self, folder: Path) -> None:
        self.cwd = folder / "cwd"
        self.user = folder / "user"
        self.cwd.mkdir()
        self.user.mkdir()
        self.file = self.cwd / "config.toml"

    def load(self, toml: str | None = None, environ: Mapping[str, str] | None = None, **overrides: Any) -> Loaded:
        if toml is not None:
            self.file.write_text(toml, encoding="utf-8")
        return load_settings(
            None,
            {key.replace("__", "."): value for key, value in overrides.items()},
            environ=environ or {},
            cwd=self.cwd,
            user_config_dir=self.user,
        )

    def problems(
        self, toml: str | None = None, environ: Mapping[str, str] | None = None, **overrides: Any
    ) -> list[str]:
        with pytest.raises(InvalidSettings) as caught:
            self.load(toml, environ, **overrides)
        lines = str(caught.value).splitlines()
        assert [str(problem) for problem in caught.value.problems] == lines
        assert caught.value.key == caught.value.problems[0].key
        return lines

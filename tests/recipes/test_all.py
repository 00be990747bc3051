"""Each recipe of the manual is run by a test, as the manual says."""

from __future__ import annotations

import re
from pathlib import Path

from tests.reference.tables import page

TESTS = Path(__file__).resolve().parents[1]
RUN_BY = ("recipes/*.py", "browser/test_recipe_pages.py", "cli/test_service.py")


def test_each_recipe_is_run_by_a_test() -> None:
    tests = "".join(file.read_text(encoding="utf-8") for pattern in RUN_BY for file in TESTS.glob(pattern))
    titles = re.findall(r"^## (.+)$", page("recipes.md"), re.MULTILINE)
    assert len(titles) > 10
    assert [title for title in titles if f'"{title}"' not in tests] == []

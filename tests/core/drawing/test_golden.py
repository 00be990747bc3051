"""What both sides compute is written down: Python gives the answers of `tests/golden`, and the page must too."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from tests.golden.__main__ import FOLDER, vectors

from vitalcast.core.drawing.decimate import extremes


@pytest.mark.parametrize("name", ["format", "axis", "decimate", "levels", "names", "times", "filters", "stacks"])
def test_python_gives_the_answers_that_are_written_down(name: str) -> None:
    written = json.loads((FOLDER / f"{name}.json").read_text())
    assert written == json.loads(json.dumps(vectors()[name])), "run python -m tests.golden, and look at what changed"


def test_thinned_lines_keep_their_spikes_and_make_nothing_up() -> None:
    for case in json.loads((FOLDER / "decimate.json").read_text())["cases"]:
        values = np.array([math.nan if value is None else value for value in case["values"]])
        rows = extremes(values, case["most"])
        assert len(rows) <= case["most"], case["name"]
        assert set(case["keep"]) <= set(values[rows].tolist()), case["name"]

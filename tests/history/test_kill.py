"""A kill at any moment of a flush, of making blocks, of pruning or of rolling up loses the last flush at most."""

from __future__ import annotations

from pathlib import Path
from random import Random

from tests.history.kill import killed

KILLS = 10  # `python -m tests.soak.kills` does hundreds


def test_kills_lose_nothing_that_was_put_down_and_double_nothing(tmp_path: Path) -> None:
    random = Random(11)
    found = [killed(tmp_path, seed, random.uniform(0.1, 1.5)) for seed in range(KILLS)]
    assert [one.wrong for one in found] == [()] * KILLS
    assert found[-1].newest > 0, "there was something to lose"

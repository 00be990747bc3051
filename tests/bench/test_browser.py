"""The browser's benchmark runs, draws what it says it draws, and names what is absent."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.bench import browser


async def test_every_way_draws_what_it_is_fed(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent() -> Path:
        raise browser.AbsentError("there is no network in this test")

    monkeypatch.setattr(browser, "fetch_uplot", absent)
    rows, notes = await browser.charts([5.0], window_s=0.6, rounds=1, settle_s=0.0)
    by_way = {row["charts"]: row for row in rows}
    assert list(by_way) == [browser.NOTHING, browser.OURS, browser.MIXED, browser.REACT]
    assert notes[-1] == "uPlot is absent: there is no network in this test"
    nothing = by_way.pop(browser.NOTHING)
    assert nothing["drawings/s"]["median"] == 0
    for row in by_way.values():
        assert row["drawings/s"]["median"] > 0
        assert row["CPU %"]["median"] > nothing["CPU %"]["median"]
        assert row["lines"] >= browser.PANELS
    # Only what Plotly must know is drawn by it.
    assert by_way[browser.OURS]["in full"] == 0
    assert by_way[browser.REACT]["in full"] > 0


async def test_opening_the_page_is_timed() -> None:
    [row], _ = await browser.load(rounds=1, settle_s=0.0)
    assert 0 < row["first value, s"]["median"] <= row["all charts, s"]["median"]
    assert row["kB over the wire"]["median"] > 100
    assert row["requests"]["median"] > 10


async def test_what_npm_sends_must_be_what_was_pinned(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    npm = tmp_path / "npm"
    npm.write_text('#!/bin/sh\nfor place; do :; done\necho other > "$place/uplot.tgz"\n')
    npm.chmod(0o755)
    monkeypatch.setattr(browser.shutil, "which", lambda name: str(npm))
    with pytest.raises(browser.AbsentError, match="has the SHA-256"):
        browser.fetch_uplot(tmp_path / "cache")
    monkeypatch.setattr(browser.shutil, "which", lambda name: None)
    with pytest.raises(browser.AbsentError, match="npm is not there"):
        browser.fetch_uplot(tmp_path / "cache")


def test_the_program_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        browser.main(["--help"])
    assert ended.value.code == 0
    assert "--only" in capsys.readouterr().out

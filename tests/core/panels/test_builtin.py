"""The built-in panels, as a reader meets them."""

from __future__ import annotations

from itertools import groupby

from vitalcast.core.panels.builtin import BUILT_IN


def test_every_panel_stands_in_a_section_and_those_of_a_section_together() -> None:
    sections = [section for section, _ in groupby(panel.section for panel in BUILT_IN)]
    assert all(sections)
    assert len(set(sections)) == len(sections)

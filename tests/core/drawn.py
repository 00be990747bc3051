"""Pictures read back as trees, and what must hold for each of them."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

from vitalcast.core.drawing.svg import NAMESPACE, width_of

NAMES = {"svg", "title", "desc", "rect", "path", "text", "tspan", "g"}


def tree_of(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg)


def texts_of(tree: ElementTree.Element) -> list[str]:
    """Return the words that are drawn, in their order."""
    return ["".join(one.itertext()) for one in tree.iter(f"{{{NAMESPACE}}}text")]


def check(svg: str) -> ElementTree.Element:
    """Assert that a picture is one that is safe to show anywhere; return it as a tree."""
    tree = tree_of(svg)
    for one in tree.iter():
        assert one.tag.removeprefix(f"{{{NAMESPACE}}}") in NAMES
        for key, value in one.attrib.items():
            assert not key.startswith("on"), key
            assert "href" not in key
            assert key == "aria-label" or ("url(" not in value and "nan" not in value and "inf" not in value), (
                key,
                value,
            )
    assert tree.get("role") == "img"
    assert tree.get("aria-label")
    assert tree.findtext(f"{{{NAMESPACE}}}title")
    return tree


def overflowing(tree: ElementTree.Element) -> list[str]:
    """Return the words that leave the picture, by about how wide they are."""
    width, height = (float(tree.get(name) or "nan") for name in ("width", "height"))
    usual = float(tree.get("font-size") or "nan")
    found = []
    for text in tree.iter(f"{{{NAMESPACE}}}text"):
        x, y = (float(text.get(name) or "nan") for name in "xy")
        long = sum(_width(span, usual) for span in (list(text) or [text]))
        left = {"end": x - long, "middle": x - long / 2}.get(text.get("text-anchor") or "", x)
        if left < -0.5 or left + long > width + 0.5 or not 0 < y <= height:
            found.append("".join(text.itertext()))
    return found


def _width(one: ElementTree.Element, usual: float) -> float:
    size, bold = float(one.get("font-size") or usual), int(one.get("font-weight") or 400) >= 600
    return float(one.get("dx") or 0) + width_of(one.text or "", size, bold=bold)

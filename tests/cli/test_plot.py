"""Charts in text: each fits its width and height, shows its peaks, and leaves holes where nothing was read."""

from __future__ import annotations

from datetime import UTC

from hypothesis import given
from hypothesis import strategies as st

from vitalcast.cli.plot import BLANK, PLAIN, draw_chart

SPAN = (0, 600_000)


def drawn(lines: list[list[float | None]], *, width: int = 60, height: int = 8, braille: bool = True) -> list[str]:
    times = [at * SPAN[1] // max(1, len(lines[0]) - 1) for at in range(len(lines[0]))] if lines else []
    rows = draw_chart(lines, times, SPAN, "1", width=width, height=height, zone=UTC, braille=braille)
    return ["".join(cell.text for cell in row) for row in rows]


def test_a_line_goes_from_the_lower_left_to_the_upper_right() -> None:
    rows = drawn([[0.0, 1.0]], width=26, height=4)
    assert rows[0].startswith(" 100 %┤") and rows[3].startswith("   0 %┤")
    assert rows[0].rstrip()[-1] in "⠊⠉⠁⡠⠔⠈⢀⠒"
    assert rows[0][8] == " " and rows[3][8] != " "
    assert rows[-1].split() == ["00:00", "00:10"] or "00:00" in rows[-1]


def test_a_hole_stays_a_hole() -> None:
    values: list[float | None] = [1.0] * 10 + [None] * 10 + [1.0] * 10
    row = drawn([values], width=67, height=4)[0].removeprefix(" 100 %┤")
    assert len(row) == 60
    assert row[:18].strip() and not row[22:38].strip() and row[42:].strip()


def test_a_terminal_without_braille_gets_marks_that_tell_lines_apart() -> None:
    rows = drawn([[0.0] * 20, [1.0] * 20], braille=False)
    assert rows[0].count(PLAIN[1]) > 10
    assert rows[7].count(PLAIN[0]) > 10
    assert "".join(rows).isascii()


values = st.none() | st.floats(allow_nan=False, allow_infinity=False)


@given(
    st.integers(0, 40).flatmap(lambda size: st.lists(st.lists(values, min_size=size, max_size=size), max_size=3)),
    st.integers(1, 200),
    st.integers(1, 20),
    st.booleans(),
)
def test_any_lines_fit(lines: list[list[float | None]], width: int, height: int, braille: bool) -> None:
    rows = drawn(lines, width=width, height=height, braille=braille)
    assert len(rows) == height + 2
    assert all(len(row) <= max(width, 16 + 14) for row in rows)
    dots = [char for row in rows[:height] for char in row if ord(char) > BLANK or char in PLAIN]
    if any(value is not None for line in lines for value in line):
        assert dots

"""How precise a reading is that was divided by a clock: the digits that are noise are dropped once, before the frame.

So memory, wire and file hold the same number to the bit, and none of them pays for noise. The clock is read beside the
counter, not with it: on a busy machine the one is up to a millisecond older than the other, a thousandth of a second's
growth. What was counted, and not divided, stays exact.
"""

from __future__ import annotations

from bisect import bisect_right

DIGITS = 4
ERROR = 0.5 / 10 ** (DIGITS - 1)  # at most, relative to the value
PLACES_MAX = 9
EXACT_FROM = 1e15  # past this a float's neighbours are an eighth apart and more

_BANDS = [10.0**power for power in range(DIGITS - PLACES_MAX, DIGITS)]  # from each on there is one place less
_SCALES = [10.0**places for places in range(PLACES_MAX, -1, -1)]


def significant(value: float) -> float:
    """Round a value to DIGITS significant digits, but to no more than PLACES_MAX places.

    It may not be negative, infinite or `nan`; from EXACT_FROM on it stays as it is.
    """
    band = bisect_right(_BANDS, value)
    if band < len(_BANDS):
        # An integer divided by a power of ten is the float with the shortest text; `round` costs three times as much.
        scale = _SCALES[band]
        return int(value * scale + 0.5) / scale
    if value >= EXACT_FROM:
        return value
    tens = 10 ** (len(str(int(value))) - DIGITS)
    return float(int(value / tens + 0.5) * tens)

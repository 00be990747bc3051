"""A client that keeps to the limits is never held up, and one that does not is held to them, then closed."""

from __future__ import annotations

import pytest

from vitalcast.core.wire.intake import BURST_UNITS, OVER_S, PIECE_UNITS, Allowance, Rate
from vitalcast.core.wire.limits import DEFAULT_LIMITS, Limits
from vitalcast.core.wire.websocket import OPCODE_TEXT

OPCODE_PING = 0x9


@pytest.mark.parametrize("messages_per_second", [1, 50, 1000])
def test_full_sized_messages_in_many_pieces_at_the_full_rate_are_never_held_up(messages_per_second: int) -> None:
    limits = Limits(messages_per_second=messages_per_second)
    rate, now_s = Rate.of(limits), 0.0
    allowance = Allowance(rate, now_s)
    for _ in range(60 * messages_per_second):
        now_s += 1 / messages_per_second
        units = rate.cost(OPCODE_TEXT, limits.message_bytes) + 20 * PIECE_UNITS + rate.cost(OPCODE_PING, 10)
        assert allowance.charge(units, now_s) == 0


def test_pings_and_fragments_count_much_less_than_messages() -> None:
    rate = Rate.of(DEFAULT_LIMITS)
    assert rate.cost(OPCODE_PING, 0) * 10 < rate.cost(OPCODE_TEXT, 0) < rate.cost(OPCODE_TEXT, 65_536)


def test_a_flood_is_held_to_the_rate_and_ends_the_socket() -> None:
    rate, now_s, units = Rate.of(DEFAULT_LIMITS), 0.0, 0
    allowance = Allowance(rate, now_s)
    while not allowance.exhausted(now_s):
        now_s += allowance.charge(1, now_s)
        units += 1
    assert OVER_S <= now_s < OVER_S + 1
    assert units <= rate.burst + now_s * rate.units_per_second + 1


def test_a_burst_is_forgiven_once_the_client_has_been_quiet() -> None:
    rate, now_s = Rate.of(DEFAULT_LIMITS), 0.0
    allowance = Allowance(rate, now_s)
    for _ in range(10):
        assert allowance.charge(BURST_UNITS * 2, now_s) > 0
        assert not allowance.exhausted(now_s)
        now_s += 2 * OVER_S + 2 * BURST_UNITS / rate.units_per_second
        assert allowance.charge(1, now_s) == 0

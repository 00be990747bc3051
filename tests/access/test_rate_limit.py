"""Token buckets: what may be done at once, how long one waits after that, and that nobody can fill the memory."""

from __future__ import annotations

import pytest

from vitalcast.access.rate_limit import Throttle, network_of


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_so_many_may_be_done_at_once_and_then_one_after_the_other(clock: Clock) -> None:
    throttle = Throttle(total=100, each=3, window_s=60, now_s=clock)
    assert [throttle.take("10.0.0.1") for _ in range(3)] == [0, 0, 0]
    assert throttle.take("10.0.0.1") == pytest.approx(20)
    clock.now_s += 19
    assert throttle.take("10.0.0.1") == pytest.approx(1)
    clock.now_s += 1
    assert throttle.take("10.0.0.1") == 0
    assert throttle.take("10.0.0.1") == pytest.approx(20)
    clock.now_s += 1000
    assert [throttle.take("10.0.0.1") for _ in range(4)] == [0, 0, 0, pytest.approx(20)]


def test_what_is_refused_does_not_count(clock: Clock) -> None:
    throttle = Throttle(total=100, each=1, window_s=1, now_s=clock)
    throttle.take("10.0.0.1")
    for _ in range(50):
        assert throttle.take("10.0.0.1") == pytest.approx(1)


def test_one_address_does_not_cost_another_until_all_together_are_too_many(clock: Clock) -> None:
    throttle = Throttle(total=4, each=3, window_s=1, now_s=clock)
    assert [throttle.take("10.0.0.1") for _ in range(4)] == [0, 0, 0, pytest.approx(1 / 3)]
    assert throttle.take("10.0.0.2") == 0
    assert throttle.take("10.0.0.3") == pytest.approx(0.25)


def test_addresses_that_do_nothing_are_forgotten(clock: Clock) -> None:
    throttle = Throttle(total=10_000, each=10, window_s=60, now_s=clock)
    for number in range(500):
        throttle.count(f"10.0.{number // 250}.{number % 250}")
    assert len(throttle) == 500
    clock.now_s += 61
    for _ in range(300):
        throttle.count("192.0.2.1")
        clock.now_s += 61
    assert len(throttle) == 1


def test_no_number_of_addresses_fills_the_memory(clock: Clock) -> None:
    throttle = Throttle(total=10**6, each=1, window_s=60, now_s=clock, keys_max=100)
    throttle.count("192.0.2.1")
    for number in range(1000):
        throttle.count(f"10.0.{number // 250}.{number % 250}")
        assert len(throttle) <= 100
    assert throttle.wait_s("10.0.3.249") > 0
    assert throttle.wait_s("192.0.2.1") == 0


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::", "2001:db8:1:3::/64"),
        ("::1", "::/64"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("fe80::1%eth0", "fe80::/64"),
        ("not:an:address", "not:an:address"),
        ("an unknown peer", "an unknown peer"),
    ],
)
def test_an_ipv6_address_stands_for_its_network(address: str, network: str) -> None:
    assert network_of(address) == network


def test_the_addresses_of_one_ipv6_network_share_a_bucket(clock: Clock) -> None:
    throttle = Throttle(total=100, each=1, window_s=1, now_s=clock)
    assert throttle.take("2001:db8::1") == 0
    assert throttle.take("2001:db8::2") > 0


def test_what_is_dearer_counts_as_several(clock: Clock) -> None:
    throttle = Throttle(total=100, each=10, window_s=10, now_s=clock)
    assert [throttle.take("10.0.0.1", 6), throttle.take("10.0.0.1", 4)] == [0, 0]
    assert throttle.take("10.0.0.1", 3) == pytest.approx(3)
    assert throttle.take("10.0.0.1") == pytest.approx(1)
    clock.now_s += 3
    assert throttle.take("10.0.0.1", 3) == 0
    assert [throttle.take(f"10.0.1.{number}", 9) for number in range(10)] == [0] * 10
    assert throttle.take("10.0.2.1", 9) == pytest.approx(0.2)  # of all together


def test_who_has_done_nothing_for_long_may_do_no_more_at_once_than_a_bucket_holds(clock: Clock) -> None:
    throttle = Throttle(total=100, each=10, window_s=10, now_s=clock)
    clock.now_s += 1000
    assert throttle.take("10.0.0.1", 11) > 0
    assert throttle.take("10.0.0.1", 10) == 0

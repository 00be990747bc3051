"""How much of something each address, and all together, may do in a while."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from collections.abc import Callable
from itertools import islice

KEYS_MAX = 4096
_V6_PREFIX = 64  # of an IPv6 address: who has one such network has all of its addresses


def network_of(address: str) -> str:
    """Return what stands for all addresses of one client: IPv4 as it is, IPv6 by its first 64 bits."""
    if ":" not in address:
        return address
    try:
        parsed = ipaddress.IPv6Address(address.partition("%")[0])
    except ValueError:
        return address
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.IPv6Network((parsed, _V6_PREFIX), strict=False))


class Throttle:
    """Token buckets: `each` address and all together (`total`) may do so many within `window_s`, at once if they like.

    What is dearer than the least of its kind counts as several, `cost`, of which a bucket must hold that many.
    Addresses that have done nothing for a window are forgotten, and at most `keys_max` are remembered, those last seen.
    `now_s` is any clock that never goes back.
    """

    def __init__(
        self, *, total: int, each: int, window_s: float, now_s: Callable[[], float], keys_max: int = KEYS_MAX
    ) -> None:
        self._window_s = window_s
        self._step_s = window_s / total
        self._step_each_s = window_s / each
        self._now_s = now_s
        self._keys_max = keys_max
        # A bucket is the time at which it will be full again; those used last are at the end.
        self._full_s = 0.0
        self._full_each_s: OrderedDict[str, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._full_each_s)

    def wait_s(self, address: str, cost: int = 1) -> float:
        """Return how long this address has to wait before it may do one more; 0 where it may now."""
        now_s = self._now_s()
        all_s = max(self._full_s, now_s) + self._step_s * cost
        each_s = max(self._full_each_s.get(network_of(address), 0.0), now_s) + self._step_each_s * cost
        wait_s = max(all_s, each_s) - self._window_s - now_s
        return wait_s if wait_s > 1e-9 else 0.0

    def count(self, address: str, cost: int = 1) -> None:
        """Remember that this address has done one."""
        now_s, key = self._now_s(), network_of(address)
        self._full_s = max(self._full_s, now_s) + self._step_s * cost
        self._full_each_s[key] = max(self._full_each_s.pop(key, 0.0), now_s) + self._step_each_s * cost
        self._forget(now_s)

    def _forget(self, now_s: float) -> None:
        for address, full_s in tuple(islice(self._full_each_s.items(), 2)):
            if full_s <= now_s or len(self._full_each_s) > self._keys_max:
                del self._full_each_s[address]

    def take(self, address: str, cost: int = 1) -> float:
        """Count one if it may be done now; return as `wait_s` does."""
        wait_s = self.wait_s(address, cost)
        if not wait_s:
            self.count(address, cost)
        return wait_s

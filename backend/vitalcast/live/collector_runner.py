"""A collector as the sampler sees it: its newest samples, and its state when it fails or hangs."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from vitalcast.collectors.base import NO_READING, Collector
from vitalcast.collectors.runtime_stats import RuntimeStats
from vitalcast.core.metrics.model import Sample
from vitalcast.core.metrics.rates import Rates

logger = logging.getLogger(__name__)

RETRY_S = (1.0, 60.0)


class CollectorRunner:
    """Reads one collector and turns its counters into rates.

    `samples` holds the newest reading of each series. After a failure they are all `nan` and the next read waits,
    twice as long each time, up to a minute. `busy` is set while a read is under way, which may be for ever.
    """

    def __init__(
        self,
        collector: Collector,
        stats: RuntimeStats,
        *,
        now_s: Callable[[], float] = time.monotonic,
        timer_s: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.collector = collector
        self.samples: list[Sample] = []
        self.busy = False
        self.failures = 0
        self.retry_s = 0.0
        self._rates = Rates()
        self._stats = stats
        self._now_s = now_s
        self._timer_s = timer_s

    @property
    def name(self) -> str:
        return self.collector.name

    def ready(self) -> bool:
        """Say whether a read may begin now."""
        return not self.busy and self._now_s() >= self.retry_s

    def read(self) -> list[Sample] | Exception:
        """Read once, in whatever thread this is called; return what came of it for `take`."""
        begin_s = self._timer_s()
        try:
            now_s = self._now_s()
            samples = self.collector.collect(now_s)
            return samples + self._rates.update(samples, now_s)
        except Exception as error:  # whatever a driver may raise must cost the other collectors nothing
            return error
        finally:
            self._stats.collector_duration_s[self.name] = self._timer_s() - begin_s

    def take(self, outcome: list[Sample] | Exception) -> None:
        """Make the outcome of a read the newest."""
        if isinstance(outcome, Exception):
            self.fail(f"{type(outcome).__name__}: {outcome}")
            return
        if self.failures:
            logger.warning("collector %s works again after %d failures", self.name, self.failures)
        self.failures = 0
        self.samples = outcome
        self._stats.collector_success[self.name] = 1

    def fail(self, why: str) -> None:
        """Note a failure: no reading for any of its series until a read succeeds."""
        self.failures += 1
        pause_s = min(RETRY_S[0] * 2 ** (self.failures - 1), RETRY_S[1])
        self.retry_s = self._now_s() + pause_s
        if self.failures == 1:
            logger.warning("collector %s failed; its series have no values until it works again: %s", self.name, why)
        self.samples = [Sample(series, NO_READING) for series, _ in self.samples]
        self._stats.collector_success[self.name] = 0

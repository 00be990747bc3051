"""The service and its history: what is called when, and that no fault of a history reaches the stream."""

from __future__ import annotations

import asyncio
import threading

import pytest

from vitalcast.config.schema import Settings
from vitalcast.core.events.event import Event, EventKind
from vitalcast.core.metrics.model import Frame
from vitalcast.core.processes.snapshot import ProcessSnapshot
from vitalcast.core.query.past import Past
from vitalcast.history.base import Counts, History, Resumed
from vitalcast.history.memory import MemoryHistory
from vitalcast.history.recent import Recent, RecentPast
from vitalcast.live import recorder as recorder_module
from vitalcast.live.service import Service

TIMEOUT_S = 20.0  # only so that a failure ends


class Notebook(History):
    """Notes the calls and the threads they come from; a flush or the close can be made to fail or hang."""

    def __init__(self, *, pause_s: float = 3600.0) -> None:
        self.counts = Counts()
        self.calls: list[str] = []
        self.threads: dict[str, str] = {}
        self.frames: list[Frame] = []
        self.broken = False
        self.flushed = threading.Semaphore(0)
        self.hangs: threading.Event | None = None
        self._pause_s = pause_s
        self._recent = Recent()

    @property
    def pause_s(self) -> float:
        return self._pause_s

    def _note(self, call: str) -> None:
        self.calls.append(call)
        self.threads[call] = threading.current_thread().name

    def check(self, *, now: bool = True) -> None:
        self._note("check")

    def open(self, *, epoch: str, interval_ms: int) -> Resumed | None:
        self._note("open")
        return Resumed("the-epoch", 41, ())

    def append(self, frame: Frame) -> None:
        self.frames.append(frame)

    def append_event(self, event: Event) -> None:
        self._recent.add_event(event)

    def append_processes(self, snapshot: ProcessSnapshot) -> None:
        self._recent.add_processes(snapshot)

    def past(self) -> Past:
        return RecentPast(self._recent)

    def flush(self) -> None:
        self._note("flush")
        self.flushed.release()
        if self.broken:
            raise RuntimeError("broken on purpose")

    def close(self) -> None:
        self._note("close")
        if self.hangs is not None:
            self.hangs.wait(TIMEOUT_S)


def make(history: History | None = None, interval_s: float = 0.1) -> Service:
    return Service(Settings(sampler={"interval_s": interval_s}), collectors=[], tables={}, history=history)


async def flushes(notebook: Notebook, count: int) -> None:
    for _ in range(count):
        assert await asyncio.to_thread(notebook.flushed.acquire, timeout=TIMEOUT_S)


async def test_it_is_opened_before_the_first_tick_and_closed_after_the_last() -> None:
    notebook = Notebook()
    service = make(notebook)
    assert notebook.calls == ["check"]
    await service.start()
    assert service.timeline.epoch == "the-epoch"
    assert service.timeline.newest.offset == 42
    assert [frame.offset for frame in notebook.frames][:1] == [42]
    await service.stop()
    assert [call for call in notebook.calls if call != "flush"] == ["check", "open", "close"]
    assert notebook.frames[-1] is service.ring.newest
    assert all(notebook.threads[call].startswith("vitalcast-history") for call in ("open", "close"))


async def test_it_is_flushed_at_its_pace_outside_the_event_loop() -> None:
    notebook = Notebook(pause_s=0.01)
    service = make(notebook)
    await service.start()
    await flushes(notebook, 3)
    await service.stop()
    assert notebook.threads["flush"].startswith("vitalcast-history")


async def test_an_event_is_written_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder_module, "EVENT_PAUSE_S", 0.05)
    notebook = Notebook()  # which else is written every hour
    service = make(notebook)
    await service.start()
    await flushes(notebook, 1)  # of the start
    service.events.note(EventKind.MARK, "deploy 1.4")
    await flushes(notebook, 1)
    await service.stop()


async def test_a_flush_that_fails_by_a_fault_is_logged_and_the_next_comes(caplog: pytest.LogCaptureFixture) -> None:
    notebook = Notebook(pause_s=0.01)
    notebook.broken = True
    service = make(notebook)
    await service.start()
    await flushes(notebook, 3)
    await service.stop()
    assert "the history was not flushed" in caplog.text


async def test_a_close_that_hangs_does_not_hold_up_the_end(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(recorder_module, "CLOSE_S", 0.05)
    notebook = Notebook()
    notebook.hangs = threading.Event()
    service = make(notebook)
    await service.start()
    await service.stop()
    assert "its newest ticks may be lost" in caplog.text
    notebook.hangs.set()


async def test_without_a_path_nothing_leaves_memory() -> None:
    before = set(threading.enumerate())  # those of other tests may be about to end
    service = make()
    assert isinstance(service.history, MemoryHistory)
    await service.start()
    assert service.timeline.newest.offset == 1
    await service.stop()
    assert not [one for one in set(threading.enumerate()) - before if one.name.startswith("vitalcast-history")]

from __future__ import annotations

import contextlib
import random
import sqlite3
from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitalcast.core.processes.snapshot import ProcessRow, ProcessSnapshot
from vitalcast.core.processes.usage import add_up, sum_up
from vitalcast.errors import CodecError
from vitalcast.history.process_blocks import pack, unpack
from vitalcast.history.process_store import BLOCK_MS, ProcessStore

START_MS = BLOCK_MS * 2_983_333

texts = st.none() | st.sampled_from(["root", "nginx.service", "é\u202e", "\ud800", '"\\'])
rates = st.none() | st.integers(0, 2**50).map(float)
rows = st.builds(
    ProcessRow,
    st.integers(0, 2**22),
    st.integers(-(2**40), 2**42),
    st.integers(0, 2**22),
    st.sampled_from(["gzip", "", "a) R (b"]),
    texts,
    texts,
    st.none() | st.integers(0, 2**31),
    st.sampled_from(["running", "ended"]),
    st.none() | st.integers(0, 10**7).map(lambda shares: shares / 10_000),
    st.none() | st.integers(0, 2**52) | st.integers(0, 2**40).map(lambda pages: pages * 4096),
    rates,
    rates,
    texts,
)
snapshots = st.builds(
    ProcessSnapshot,
    st.integers(START_MS - 2**40, START_MS + 2**40),
    st.integers(0, 3_600_000),
    st.lists(rows, max_size=5).map(tuple),
    st.none() | st.just(1.25),
)


def same(first: Sequence[ProcessSnapshot], second: Sequence[ProcessSnapshot]) -> bool:
    """Say whether snapshots are equal, their rows in whatever order."""
    return [(one[:2], Counter(one.rows), one.total_cpu) for one in first] == [
        (one[:2], Counter(one.rows), one.total_cpu) for one in second
    ]


def at(second: float, *pids: int) -> ProcessSnapshot:
    rows = (ProcessRow(pid, START_MS, 1, "gzip", "root", None, 1, "running", 0.5, 4096, None, 7.0) for pid in pids)
    return ProcessSnapshot(START_MS + round(second * 1000), 5000, tuple(rows), 0.75)


@pytest.fixture
def connection() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:")
    connection.executescript(ProcessStore.SCHEMA)
    return connection


def everything(connection: sqlite3.Connection) -> list[ProcessSnapshot]:
    return list(ProcessStore().read(connection, -(2**60), 2**60))


@given(st.lists(snapshots, min_size=1, max_size=6))
def test_a_block_comes_back_as_it_was(some: list[ProcessSnapshot]) -> None:
    assert same(unpack(pack(some)), some)


@given(st.lists(snapshots, min_size=1, max_size=4), st.integers(0, 2**22))
def test_the_rows_of_one_process_are_read_alone(some: list[ProcessSnapshot], pid: int) -> None:
    pid = next((row.pid for one in some for row in one.rows), pid)
    alone = [one._replace(rows=tuple(row for row in one.rows if row.pid == pid)) for one in some]
    assert same(unpack(pack(some), pids={pid}), alone)


@given(st.lists(snapshots, min_size=1, max_size=3), st.data())
def test_a_damaged_block_is_refused_or_read_and_nothing_else(some: list[ProcessSnapshot], data: st.DataObject) -> None:
    packed = bytearray(pack(some))
    packed[data.draw(st.integers(0, len(packed) - 1))] ^= data.draw(st.integers(1, 255))
    with contextlib.suppress(CodecError):
        unpack(bytes(packed))
    with pytest.raises(CodecError):
        unpack(bytes(packed[:-5]))


@given(st.lists(st.lists(snapshots, max_size=4), max_size=6))
def test_flushes_come_back_in_order_whatever_the_clock_did(flushes: list[list[ProcessSnapshot]]) -> None:
    connection = sqlite3.connect(":memory:")
    connection.executescript(ProcessStore.SCHEMA)
    for some in flushes:
        ProcessStore().put(connection, some)
    assert same(everything(connection), [one for some in flushes for one in some])


few = st.lists(
    rows.flatmap(lambda row: st.integers(1, 4).map(lambda pid: row._replace(pid=pid, started_ms=pid * 10_000))),
    max_size=4,
    unique_by=lambda row: row.pid,
)
busy = st.lists(few, min_size=1, max_size=8).map(
    lambda all_: [ProcessSnapshot(START_MS + 60_000 * index, 5000, tuple(one)) for index, one in enumerate(all_)]
)


@given(st.lists(busy | st.lists(snapshots, max_size=4), max_size=6), st.integers(), st.integers(), st.data())
def test_what_a_window_used_is_summed_up_as_row_by_row(
    flushes: list[list[ProcessSnapshot]], start: int, length: int, data: st.DataObject
) -> None:
    connection = sqlite3.connect(":memory:")
    connection.executescript(ProcessStore.SCHEMA)
    store = ProcessStore()
    for some in flushes:
        store.put(connection, some)
    start_ms = START_MS + start % 2**20
    end_ms = start_ms + length % 2**20
    within = list(store.read(connection, start_ms, end_ms))
    left_out = data.draw(st.sets(st.sampled_from([one.time_ms for one in within]))) if within else set()
    used = add_up(store.used(connection, start_ms, end_ms, without_ms=left_out))
    plain = sum_up(one for one in within if one.time_ms not in left_out)
    assert (used.covered_ms, used.interval_ms) == (plain.covered_ms, plain.interval_ms)
    by_process = {(one.newest.pid, one.newest.started_ms): one for one in plain.processes}
    assert len(by_process) == len(used.processes)
    for one in used.processes:
        other = by_process[one.newest.pid, one.newest.started_ms]
        assert (one.cpu_peak, one.memory_peak, *one[6:]) == (other.cpu_peak, other.memory_peak, *other[6:])
        for got, wanted in ((one.cpu_s, other.cpu_s), (one.read, other.read), (one.write, other.write)):
            assert (got is None) == (wanted is None)
            assert got is None or got == pytest.approx(wanted)


def test_a_range_holds_its_end_and_not_its_start(connection: sqlite3.Connection) -> None:
    store = ProcessStore()
    for second in range(0, 1800, 30):
        store.put(connection, [at(second + more, second) for more in range(0, 30, 5)])
    found = list(store.read(connection, START_MS + 100_000, START_MS + 700_000))
    assert [one.time_ms for one in found] == list(range(START_MS + 105_000, START_MS + 700_001, 5000))
    assert list(store.read(connection, START_MS - 5000, START_MS - 1)) == []


def test_ten_minutes_of_flushes_become_one_block(connection: sqlite3.Connection) -> None:
    store = ProcessStore()
    for second in range(0, 1230, 30):
        store.put(connection, [at(second + more, 1) for more in range(0, 30, 5)])
    kept = connection.execute("SELECT loose, count(*) FROM process_block GROUP BY loose ORDER BY loose").fetchall()
    assert kept == [(0, 2), (1, 1)]
    assert len(everything(connection)) == 246


def test_what_an_earlier_run_left_loose_is_joined_by_the_next(connection: sqlite3.Connection) -> None:
    ProcessStore().put(connection, [at(0, 1)])
    ProcessStore().put(connection, [at(86_400, 2)])
    assert [one.rows[0].pid for one in everything(connection)] == [1, 2]
    assert connection.execute("SELECT count(*) FROM process_block WHERE loose").fetchone() == (1,)


def test_the_oldest_taken_go_first_whatever_their_time(connection: sqlite3.Connection) -> None:
    store = ProcessStore()
    for second in (86_400, 0, 3600, 7200):
        store.put(connection, [at(second, *range(50))])
    before = store.nbytes(connection)
    (newest,) = connection.execute("SELECT sum(nbytes) FROM process_block WHERE id > 2").fetchone()
    freed = store.prune(connection, newest + 1)
    assert freed > 0
    assert store.nbytes(connection) == before - freed == newest
    assert [one.time_ms for one in everything(connection)] == [START_MS + 3_600_000, START_MS + 7_200_000]
    assert store.oldest_ms(connection) == START_MS + 3_600_000
    assert store.prune(connection, before) == 0
    store.prune(connection, 0)
    assert (store.nbytes(connection), store.oldest_ms(connection)) == (0, None)


def test_blocks_that_make_no_sense_are_passed_over_and_cost_nothing_else(
    connection: sqlite3.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    store = ProcessStore()
    store.put(connection, [at(0, 1)])
    store.put(connection, [at(5, 2)])
    connection.execute("UPDATE process_block SET data = x'00' WHERE id = 1")
    store.put(connection, [at(1200, 3)])
    assert [one.rows[0].pid for one in everything(connection)] == [2, 3]
    assert "passed over" in caplog.text


def test_what_is_counted_is_about_what_the_file_takes(connection: sqlite3.Connection) -> None:
    store, dice = ProcessStore(), random.Random(7)
    for second in range(0, 36_000, 30):
        pids = (dice.randrange(2**22) for _ in range(40))
        store.put(connection, [at(second + more, *pids) for more in range(0, 30, 5)])
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    assert 0.8 < store.nbytes(connection) / (pages * 4096) < 1.25

"""What both clients promise, against a real server: its answers, and nothing lost or doubled whatever breaks."""

from __future__ import annotations

import asyncio
import itertools
import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.client.relay import Relay
from tests.client.shells import SHELLS
from tests.e2e.server import Server, Variant
from websockets.asyncio.server import ServerConnection, serve
from websockets.typing import Subprotocol

from vitalcast.client import BlockingClient, Client, ClientError, RefusedError, Tick, UnreachableError
from vitalcast.core.vocabulary import SUBPROTOCOL

TICKS = "vitalcast.sampler.ticks"  # counts all ticks, so that a value says which tick it is of
ENV = {"VITALCAST_SAMPLER__INTERVAL_S": "0.1", "VITALCAST_TIMEOUTS__HEARTBEAT_S": "0.5"}

Shell = Callable[..., Any]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A server that these tests may kill, if they start it again."""
    server = Server(Variant.FAST, ENV)
    try:
        yield server.start()
    finally:
        server.close()


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest) -> Shell:
    return SHELLS[request.param]


def take(stream: Any, count: int) -> list[Any]:
    return list(itertools.islice(stream, count))


def assert_each_once(ticks: list[Tick]) -> None:
    """Ticks follow each other by their numbers, and what is not among them is told by a gap right there."""
    for before, tick in itertools.pairwise(ticks):
        assert before.offset is not None and tick.offset is not None
        if any(gap.first is None for gap in tick.gaps):
            continue  # the server counts anew
        told = {one for gap in tick.gaps for one in range(gap.first or 0, (gap.last or 0) + 1)}
        missing = set(range(before.offset + 1, tick.offset))
        assert tick.offset > before.offset
        assert missing <= told, (before, tick, tick.gaps)


def assert_nothing_lost(ticks: list[Tick]) -> None:
    """All that was sampled came; a busy machine leaves some out."""
    assert {gap.why for tick in ticks for gap in tick.gaps} <= {"sampler"}


# --- what there is to ask ----------------------------------------------------------------------------------------


def test_a_tick_is_a_mapping_from_series_to_values(server: Server, shell: Shell) -> None:
    with shell(server.url) as client:
        stream = client.subscribe("system.cpu.utilization", TICKS, interval=0.1)
        first, *others = take(stream, 4)
        key = 'system.cpu.utilization{cpu.mode="user"}'
        assert isinstance(first[TICKS], float) and isinstance(others[-1][key], float | None) and key in first
        (series,) = [one for one in first.series if one.key == key]
        assert (series.name, series.unit, series.attributes) == ("system.cpu.utilization", "1", {"cpu.mode": "user"})
        assert list(first) == [one.key for one in first.series]
        assert list(first.row) == [first[one] for one in first]
        assert abs(first.time - datetime.now(UTC)) < timedelta(minutes=5)
        assert_each_once([first, *others])
        assert stream.position.offset == others[-1].offset
        assert stream.interval == 0.1
        assert (first.lines, first.headline, first.level) == ((), None, "")
        with pytest.raises(KeyError):
            first["system.cpu.nonsense"]


def test_all_that_a_server_tells_can_be_asked(server: Server, shell: Shell) -> None:
    with shell(server.url) as client:
        latest = client.latest("system.load.average", aggregate=["avg", "max"])
        assert {one.aggregate for one in latest.series} == {"avg", "max"}
        assert 'max(system.load.average{system.load.window="1m"})' in latest

        answer = client.query(TICKS, start=timedelta(minutes=5), end=datetime.now(UTC), points=10)
        assert [one.key for one in answer.series] == [TICKS]
        assert answer.values.shape == (len(answer.times_ms), 1)
        assert client.query(panel="cpu", start="-1m").panel.id == "cpu"
        ratios = client.latest(
            "system.memory.usage", where={"system.memory.state": "used"}, ratio_to="system.memory.usage"
        )
        assert ([one.unit for one in ratios.series], list(ratios.values())) == (["1"], [1.0])

        assert client.list("system.load.*")[0].description
        rows = next(client.table("processes", limit=3))
        assert len(rows) == 3 and rows[0]["pid"] and rows.units["memory"] == "By"
        assert [row["pid"] for row in rows] == [rows[at]["pid"] for at in range(3)]

        mark = client.mark("deploy 1.4", severity="warning", attributes={"build": 7})
        assert (mark.kind, mark.severity, mark.attributes) == ("mark", "warning", {"build": 7})
        found = next(one for one in client.events(backfill="1h") if one.id == mark.id)
        assert (found.title, found.ongoing) == ("deploy 1.4", False)

        tick = next(client.subscribe(panel="memory"))
        assert tick.headline.label and tick.headline.value == tick["@value"]
        assert tick.lines[0].label and tick.lines[0].value in tick.values()
        assert tick.level == tick.headline.level


def test_a_stream_can_be_changed_while_it_goes_on(server: Server, shell: Shell) -> None:
    with shell(server.url) as client:
        stream = client.subscribe(TICKS, interval=0.1)
        assert_each_once(take(stream, 2))
        with pytest.raises(RefusedError, match="greater than or equal"):
            stream.update(interval=0.001)
        stream.update(interval=0.3)
        assert stream.interval == 0.3
        later = take(stream, 4)[2:]
        assert later[1].offset - later[0].offset >= 3


def test_equal_streams_are_told_the_same_and_one_may_end(server: Server, shell: Shell) -> None:
    with shell(server.url) as client:
        one, other = (client.subscribe(TICKS, interval=0.1) for _ in range(2))
        seen = [(next(one), next(other)) for _ in range(3)][1:]
        assert_each_once([tick for tick, _ in seen])
        assert_each_once([tick for _, tick in seen])
        one.close()
        assert list(one) == []
        assert next(other)[TICKS]


def test_what_the_server_refuses_is_raised_and_leaves_the_rest_alone(server: Server, shell: Shell) -> None:
    with shell(server.url) as client:
        good = client.subscribe(TICKS, interval=0.1)
        with pytest.raises(RefusedError, match=r"nothing here is called system\.nonsense") as told:
            next(client.subscribe("system.nonsense"))
        assert told.value.code == 102
        with pytest.raises(RefusedError):
            client.query(TICKS, start=datetime.now(UTC) + timedelta(days=1))
        with pytest.raises(ValueError, match="give patterns of metrics"):
            client.subscribe()
        with pytest.raises(TypeError, match="unexpected keyword argument"):
            client.subscribe(TICKS, intervall=1)
        assert next(good)[TICKS]


@pytest.mark.parametrize("binary", [True, False])
def test_both_encodings_say_the_same(server: Server, shell: Shell, binary: bool) -> None:
    with shell(server.url, binary=binary) as client:
        assert_each_once(take(client.subscribe("system.cpu.>", TICKS, interval=0.1), 4))


def test_where_no_server_is_the_first_connection_says_so(shell: Shell) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(UnreachableError, match="start the server with `vitalcast`"), shell(f"http://127.0.0.1:{port}"):
        pass


# --- what breaks -------------------------------------------------------------------------------------------------


def test_a_line_that_is_cut_loses_nothing_and_doubles_nothing(server: Server, shell: Shell) -> None:
    said: list[str] = []
    with Relay(server.port) as relay, shell(relay.url, on_status=said.append) as client:
        stream, other = client.subscribe(TICKS, interval=0.1), client.subscribe("system.load.average", interval=0.1)
        ticks = take(stream, 3)
        for _ in range(3):
            relay.cut()
            ticks += take(stream, 4)
        assert_each_once(ticks)
        assert [tick[TICKS] for tick in ticks] == sorted({tick[TICKS] for tick in ticks})
        assert_nothing_lost(ticks)
        assert_each_once(take(other, 5))
        assert relay.accepted >= 4
    assert said.count("connected") >= 4


def test_as_many_streams_as_the_server_grants_all_begin_and_all_go_on(server: Server) -> None:
    """They take more commands than the server reads in a second."""
    with Relay(server.port) as relay, BlockingClient(relay.url) as client:
        streams = [client.subscribe(TICKS, interval=0.1) for _ in range(60)]
        ticks = [take(stream, 1) for stream in streams]
        relay.cut()
        for one, stream in zip(ticks, streams, strict=True):
            assert_each_once(one + take(stream, 10))
        assert relay.accepted == 2


def test_a_server_that_is_killed_is_waited_for_and_asked_for_what_was_missed(server: Server) -> None:
    with BlockingClient(server.url) as client:
        stream, rows = client.subscribe(TICKS, interval=0.1), client.table("processes", limit=1, interval=1)
        events = client.events(kinds=["mark"])
        ticks = take(stream, 5)
        assert next(rows)
        server.kill()
        server.start()
        ticks += take(stream, 10)
        assert_each_once(ticks)
        assert sum(gap.why == "restart" for tick in ticks for gap in tick.gaps) <= 1
        assert next(rows)
        client.mark("after it")
        assert next(one for one in events if one.title == "after it")


def test_a_line_that_falls_silent_is_made_anew(server: Server) -> None:
    """The other side may be gone without a word: the server says something at least every half second."""
    said: list[str] = []
    with Relay(server.port) as relay, BlockingClient(relay.url, on_status=said.append) as client:
        stream = client.subscribe(TICKS, interval=0.1)
        ticks = take(stream, 2)
        relay.swallow()
        while len(said) < 3:
            ticks.append(next(stream))
        assert_each_once([*ticks, *take(stream, 3)])
        assert "nothing came for 3 s" in said[1]


def test_a_program_that_is_busy_for_long_is_not_taken_for_a_silent_line(server: Server) -> None:
    with Relay(server.port) as relay:

        async def busy() -> list[Tick]:
            async with Client(relay.url, reconnect=False) as client:
                stream = client.subscribe(TICKS, interval=0.1)
                ticks = [await anext(stream)]
                time.sleep(4)
                return ticks + [await anext(stream) for _ in range(10)]

        assert_each_once(asyncio.run(busy()))


def test_a_program_that_reads_nothing_is_not_read_for(server: Server) -> None:
    with BlockingClient(server.url, buffer=2) as client, BlockingClient(server.url) as witness:
        stream = client.subscribe(TICKS, interval=0.1)
        ticks = take(stream, 2)
        take(witness.subscribe(TICKS, interval=0.1), 10)
        (mailbox,) = client._client._boxes.values()
        assert len(mailbox._items) <= 2
        assert_each_once([*ticks, *take(stream, 10)])


def test_without_reconnecting_a_loss_is_raised(server: Server, shell: Shell) -> None:
    with Relay(server.port) as relay, shell(relay.url, reconnect=False) as client:
        stream = client.subscribe(TICKS, interval=0.1)
        assert next(stream)
        relay.cut()
        with pytest.raises(UnreachableError, match="connection lost"):
            take(stream, 10_000)
        with pytest.raises(UnreachableError, match="connection lost"):
            client.query(TICKS)
        with pytest.raises(UnreachableError, match="connection lost"):
            next(client.subscribe(TICKS))


def test_a_loop_that_is_slower_than_the_stream_is_told_what_it_missed(server: Server) -> None:
    """Another stream is read meanwhile, so that the client itself has to let ticks go."""
    with BlockingClient(server.url, buffer=3) as client:
        slow, quick = client.subscribe(TICKS, interval=0.1), client.subscribe(TICKS, interval=0.1)
        ticks = [next(slow)]
        take(quick, 12)
        ticks += take(slow, 3)
        assert_each_once(ticks)
        assert "slow" in {gap.why for gap in ticks[1].gaps}


def test_a_position_lets_another_program_go_on(server: Server, shell: Shell) -> None:
    with shell(server.url) as client:
        stream = client.subscribe(TICKS, interval=0.1)
        ticks = take(stream, 3)
        position = stream.position
    with shell(server.url) as client:
        stream = client.subscribe(TICKS, interval=0.1, since=json.loads(json.dumps(position)))
        ticks += take(stream, 5)
        position = stream.position
    with shell(server.url) as client:
        ticks += take(client.subscribe(TICKS, interval=0.1, since=position._asdict()), 5)  # as JavaScript has it
    assert_each_once(ticks)
    assert_nothing_lost(ticks)


def test_closing_leaves_no_thread_and_wakes_who_waits(server: Server) -> None:
    before = set(threading.enumerate())
    client = BlockingClient(server.url)
    stream = client.subscribe("system.load.average", interval=3600)
    next(stream)
    ended: list[object] = []
    waiting = threading.Thread(target=lambda: ended.append(list(stream)))
    waiting.start()
    client.close()
    client.close()
    waiting.join(60)
    assert ended == [[]]
    with pytest.raises(ClientError, match="was closed"):
        client.query(TICKS)
    assert set(threading.enumerate()) == before


@pytest.mark.parametrize("ask", ["query", "mark"])
def test_closing_wakes_who_waits_for_a_server_that_says_nothing(ask: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        client = BlockingClient(f"http://127.0.0.1:{silent.getsockname()[1]}")
        raised: list[BaseException] = []

        def asking() -> None:
            with pytest.raises(ClientError, match="was closed") as told:
                getattr(client, ask)(TICKS)
            raised.append(told.value)

        waiting = threading.Thread(target=asking)
        waiting.start()
        connection, _ = silent.accept()
        client.close()
        waiting.join(60)
        connection.close()
        assert len(raised) == 1


def test_a_program_that_waits_no_longer_for_a_server_leaves_no_task() -> None:
    async def waiting(port: int) -> list[Any]:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1), Client(f"http://127.0.0.1:{port}"):
                pass
        return [one for one in asyncio.all_tasks() if one is not asyncio.current_task()]

    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert asyncio.run(waiting(silent.getsockname()[1])) == []


def test_a_client_that_is_refused_was_never_connected() -> None:
    said: list[str] = []

    async def refusing() -> None:
        async def answer(socket: ServerConnection) -> None:
            await socket.send(json.dumps({"type": "welcome", "auth": "required"}))
            await socket.wait_closed()

        async with serve(answer, "127.0.0.1", 0, subprotocols=[Subprotocol(SUBPROTOCOL)]) as server:
            port = server.sockets[0].getsockname()[1]
            with pytest.raises(RefusedError, match="requires a token"):
                await Client(f"http://127.0.0.1:{port}", on_status=said.append).open()

    asyncio.run(refusing())
    assert said == []


def test_a_client_is_of_one_loop_and_of_other_threads_than_its_own(server: Server) -> None:
    client = Client(server.url)
    assert asyncio.run(client.latest(TICKS))
    with pytest.raises(ClientError, match="event loop"):
        asyncio.run(client.latest(TICKS))
    asyncio.run(client.aclose())
    waiting = BlockingClient(server.url, on_status=lambda _: print(waiting.latest(TICKS)))
    with pytest.raises(ClientError, match="cannot wait for that client"):
        waiting.latest(TICKS)
    waiting.close()


def test_a_mark_that_is_not_made_says_so_like_everything_else(server: Server, shell: Shell) -> None:
    with shell(server.url) as client:
        with pytest.raises(RefusedError, match="severity") as told:
            client.mark("deploy", severity="bad")
        assert told.value.code == 107
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    lost = BlockingClient(f"http://127.0.0.1:{port}")
    with pytest.raises(UnreachableError, match="start the server"):
        lost.mark("deploy")
    lost.close()


def test_a_client_that_nobody_holds_ends_and_one_whose_stream_is_held_does_not(server: Server) -> None:
    before = set(threading.enumerate())
    stream = BlockingClient(server.url).subscribe(TICKS, interval=0.1)
    assert_each_once(take(stream, 3))
    (thread,) = set(threading.enumerate()) - before
    del stream
    thread.join(60)
    assert not thread.is_alive()


def test_an_interrupt_ends_a_blocking_loop_at_once(server: Server, tmp_path: Any) -> None:
    program = tmp_path / "follow.py"
    program.write_text(
        "import sys\n"
        "from vitalcast import BlockingClient\n"
        "with BlockingClient(sys.argv[1]) as client:\n"
        "    for tick in client.subscribe('system.load.average', interval=3600):\n"
        "        print(len(tick), flush=True)\n"
    )
    command = [sys.executable, str(program), server.url]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "3\n"
    begun = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert errors.splitlines()[-1] == "KeyboardInterrupt"
    assert errors.count("Traceback") == 1
    assert time.monotonic() - begun < 30


def test_a_burst_is_not_dropped_for_who_waits_for_it(server: Server) -> None:
    """All comes at once, each in a message of its own, while another stream has nothing to take."""
    with BlockingClient(server.url) as client:
        marks = [client.mark(f"mark {number}").id for number in range(20)]

    async def seen() -> list[Any]:
        async with Client(server.url, buffer=2) as client:
            waiting = asyncio.create_task(anext(client.events(kinds="boot")))
            events = client.events(kinds="mark", backfill="1h")
            found = [await anext(events)]
            while found[-1].id != marks[-1]:
                found.append(await anext(events))
            waiting.cancel()
            return found

    found = asyncio.run(seen())
    assert [event.id for event in found][-len(marks) :] == marks
    assert not any(event.gap for event in found)

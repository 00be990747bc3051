"""Many different subscriptions at once, on sockets of their own and all on one: each sees what is there to be seen."""

from __future__ import annotations

from contextlib import AsyncExitStack

from tests.e2e.client import BINARY_PROTOCOL, Client, Mirror, client
from tests.e2e.server import Server, on_every_server
from tests.e2e.test_contract import collect, lost, mirrored

# With what each has of the network there are more values than the machine has series.
NETWORK = "system.network.>"
OTHERS = [
    "system.cpu.interrupts",
    "system.cpu.interrupts.rate",
    "system.cpu.context_switches",
    "system.cpu.context_switches.rate",
    "system.cpu.logical.count",
    "system.cpu.utilization",
    "system.load.average",
    "system.memory.limit",
    "system.memory.usage",
    "system.memory.linux.available",
    "system.process.count",
    "system.process.created",
    "system.process.created.rate",
    "system.paging.faults",
    "system.paging.faults.rate",
    "system.uptime",
    "vitalcast.sampler.ticks",
    "vitalcast.sampler.duration",
    "vitalcast.sampler.lag",
    "vitalcast.socket.count",
]


def names(mirror: Mirror) -> list[str]:
    return [one["name"] + str(one["attributes"]) for one in mirror.series]


@on_every_server
async def test_each_of_many_different_subscriptions_shows_the_machine_as_it_is(server: Server) -> None:
    async with AsyncExitStack() as stack:
        everything = await stack.enter_async_context(client(server))
        truth, *_ = await mirrored(everything, "all", ["system.>", "vitalcast.>"])
        alone: list[tuple[Client, Mirror]] = []
        together, with_all = await stack.enter_async_context(client(server)), []
        binary, in_binary = await stack.enter_async_context(client(server, BINARY_PROTOCOL)), []
        for number, other in enumerate(OTHERS):
            one = await stack.enter_async_context(client(server))
            alone.append((one, (await mirrored(one, "s", [NETWORK, other]))[0]))
            if number % 2:  # so that some are shared, and some are of one socket alone
                with_all.append((await mirrored(together, other, [NETWORK, other], *with_all))[0])
            in_binary.append((await mirrored(binary, other, [NETWORK, other], *in_binary))[0])
        for one, mirror in alone:
            await collect(one, [mirror], ticks=4)
        await collect(together, with_all, ticks=4)
        await collect(binary, in_binary, ticks=4)
        newest = max(mirror.offset for mirror in (*with_all, *in_binary))
        while truth.offset < newest:
            await collect(everything, [truth], ticks=1)
    there = {
        tick.offset: dict(zip(names(truth), tick.values, strict=True))
        for tick in truth.ticks
        if len(tick.values) == len(truth.series)
    }
    compared = 0
    for mirror in (*(mirror for _, mirror in alone), *with_all, *in_binary):
        assert mirror.changed_messages + mirror.whole_messages >= 1
        for tick in mirror.ticks:
            if tick.offset in there and tick.offset not in lost(truth, mirror):
                told = dict(zip(names(mirror), tick.values, strict=True))
                assert told == {name: there[tick.offset][name] for name in told}
                compared += 1
    assert compared > len(OTHERS)

"""Both clients, asked in the same way, so that one suite holds them to the same."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from vitalcast.client import BlockingClient, Client


class Stream:
    """A subscription of the asyncio client, whose loop runs while something is waited for."""

    def __init__(self, runner: asyncio.Runner, stream: Any) -> None:
        self._runner = runner
        self.stream = stream

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        async def following() -> Any:
            return await anext(self.stream, None)

        item = self._runner.run(following())
        if item is None:
            raise StopIteration
        return item

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)

    def update(self, **changes: Any) -> None:
        self._runner.run(self.stream.update(**changes))


class Driven:
    """The asyncio client."""

    def __init__(self, runner: asyncio.Runner, client: Client) -> None:
        self._runner = runner
        self._client = client

    def subscribe(self, *names: Any, **options: Any) -> Stream:
        return Stream(self._runner, self._client.subscribe(*names, **options))

    def table(self, *names: Any, **options: Any) -> Stream:
        return Stream(self._runner, self._client.table(*names, **options))

    def events(self, **options: Any) -> Stream:
        return Stream(self._runner, self._client.events(**options))

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._client, name)
        return lambda *arguments, **options: self._runner.run(method(*arguments, **options))


@contextmanager
def asyncio_client(*arguments: Any, **options: Any) -> Iterator[Any]:
    with asyncio.Runner() as runner:
        client = Client(*arguments, **options)
        try:
            runner.run(client.open())
            yield Driven(runner, client)
        finally:
            runner.run(client.aclose())
            assert runner.run(_tasks_left()) == [], "a task is left"


async def _tasks_left() -> list[Any]:
    return [one for one in asyncio.all_tasks() if one is not asyncio.current_task()]


SHELLS: dict[str, Callable[..., Any]] = {"asyncio": asyncio_client, "blocking": BlockingClient}

"""Asks the files that a server has left, where none runs: the same endpoints, in this process."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from vitalcast.client.api import ApiAnswer, ApiRequest
from vitalcast.errors import AskError

if TYPE_CHECKING:
    from vitalcast.live.service import Service


class LeftBehind:
    """The history of a server that does not run, as if that were asked as its admin."""

    def __init__(self, config: Path | None) -> None:
        """Raises ConfigError, and AskError where there is no history."""
        from vitalcast.config.load import load_settings
        from vitalcast.live.offline import offline_service

        self._service, path = offline_service(load_settings(config).settings)
        self.name = str(path)

    def ask(self, request: ApiRequest) -> ApiAnswer:
        return _Whole(*asyncio.run(_answer(self._service, request)))


class _Whole:
    """An answer that is there."""

    def __init__(self, status: int, content_type: str, body: bytes) -> None:
        self.status = status
        self.content_type = content_type
        self._body = body

    def __enter__(self) -> _Whole:
        return self

    def __exit__(self, *exception: object) -> None:
        pass

    def parts(self) -> Iterator[bytes]:
        yield self._body


async def _answer(service: Service, request: ApiRequest) -> tuple[int, str, bytes]:
    from vitalcast.web.app import create_app

    try:
        return await create_app(service=service).local_api(str).answer(request.asked())
    except ValueError as error:
        raise AskError(str(error)) from None
    finally:
        service.queries.close()
        service.history.close()

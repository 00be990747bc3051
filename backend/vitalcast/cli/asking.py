"""Whom a command asks: the server at an address, else the running server of this user, by its control socket."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import typer

from vitalcast.client.api import ApiAnswer, ApiRequest, HttpAnswer, base_url
from vitalcast.client.refusals import message_of
from vitalcast.core.text import printable
from vitalcast.errors import AskError

ANSWER_S = 60.0  # a server answers within its own limits, which are shorter
ANSWER_BYTES_MAX = 1 << 28
ERROR_BYTES_MAX = 65_536


class Server(Protocol):
    """A server that can be asked, and what to call it."""

    name: str

    def ask(self, request: ApiRequest) -> ApiAnswer:
        """Return the answer. Raises ClientError where there is none, or an address refuses."""


class RemoteServer:
    """The server at an address. The token is None where it needs none."""

    def __init__(self, url: str, token: str | None) -> None:
        self.name = url
        self._token = token

    def ask(self, request: ApiRequest) -> ApiAnswer:
        return HttpAnswer(self.name, request, token=self._token, timeout_s=ANSWER_S)


class LocalServer:
    """A running server of this user, which is asked by its control socket, as its admin."""

    def __init__(self, name: str, path: Path) -> None:
        self.name = name
        self._path = path

    def ask(self, request: ApiRequest) -> ApiAnswer:
        from vitalcast.access.control import Asked

        try:
            return Asked(self._path, request.asked(), timeout_s=ANSWER_S)
        except (OSError, ValueError) as error:
            raise AskError(f"{self.name}: {_words(error)}") from None

    def lines(self, wanted: str) -> list[str]:
        """Return what it says where something is asked for that is not of the API. Raises AskError."""
        from vitalcast.access.control import ask

        try:
            answer = ask(self._path, {"do": wanted}, timeout_s=ANSWER_S)
            lines = [printable(str(line)) for line in answer["lines"]]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise AskError(f"{self.name}: {_words(error)}") from None
        if answer.get("ok") is not True:
            raise AskError(f"{self.name}: {' '.join(lines)}")
        return lines


class _Found(NamedTuple):
    """A control socket that is answered, and what tells its server from others."""

    path: Path
    name: str
    config: str
    history: str


def server_of(url: str | None, token: str | None, config: Path | None, *, left: bool = False) -> Server:
    """Return the server at an address, or without one the running server of this user.

    With `left` it is the files of one where none runs. Raises AskError where there is none, and ConfigError.
    """
    if url is not None:
        return server_at(url, token)
    server = running_server(config)
    if server is not None:
        return server
    if left:
        from vitalcast.cli.offline import LeftBehind

        return LeftBehind(config)
    raise AskError(
        f"no server of this user runs with the data folder {data_folder_of(config)}; start it with `vitalcast`, "
        "give its --config, or the address of another with --url"
    )


def server_at(url: str, token: str | None) -> Server:
    """Return the server at an address. Raises typer's BadParameter where it or the token is none."""
    try:
        base = base_url(url)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--url") from None
    token = (token or "").strip() or None
    if token is not None and not (token.isascii() and token.isprintable()):
        raise typer.BadParameter("a token contains only letters, digits and . - _", param_hint="--token")
    return RemoteServer(base, token)


def running_server(config: Path | None) -> LocalServer | None:
    """Return the running server of this user; None where none runs.

    Of several with the same data folder it is the one whose configuration file a server would read that is started
    here and now. Raises AskError where that leaves more than one, and ConfigError.
    """
    from vitalcast.access.control import SUPPORTED

    if not SUPPORTED:
        return None
    found = list(_found(data_folder_of(config)))
    if len(found) > 1:
        wanted = _config_here(config)
        found = [one for one in found if one.config == wanted] or found
    if not found:
        return None
    if len(found) > 1:
        names = ", ".join(one.name for one in found)
        raise AskError(f"several servers of this user run: {names}; choose one with --url, or with its --config")
    return LocalServer(found[0].name, found[0].path)


def data_folder_of(config: Path | None) -> Path:
    """Return the folder of a server's tokens and history, which is known even where other settings are wrong."""
    from vitalcast.config.folders import data_folder
    from vitalcast.config.load import setting_of

    return data_folder(setting_of("access.data_dir", config))


def fetch(server: Server, request: ApiRequest) -> dict[str, Any]:
    """Return the JSON object that answers a request. Raises AskError."""
    body = bytearray()
    for part in parts_of(server, request):
        body += part
        if len(body) > ANSWER_BYTES_MAX:
            raise AskError(f"{server.name}: the answer is longer than {ANSWER_BYTES_MAX >> 20} MiB; ask for less")
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict):
        raise AskError(f"{server.name}: what came makes no sense")
    return answer


def parts_of(server: Server, request: ApiRequest) -> Iterator[bytes]:
    """Yield the body of a good answer. Raises AskError with what the server says of any other."""
    with server.ask(request) as answer:
        parts = answer.parts()
        try:
            if answer.status >= 400:
                said = b"".join(parts)[:ERROR_BYTES_MAX]
                raise AskError(message_of(said) or f"{server.name}: {printable(said[:300].decode(errors='replace'))}")
            yield from parts
        except (OSError, ValueError) as error:
            raise AskError(f"{server.name}: {_words(error)}") from None


def _found(folder: Path) -> Iterator[_Found]:
    from vitalcast.access.control import FOLDER, ask, is_answered, sockets_in

    try:
        paths = sockets_in(folder / FOLDER)
    except OSError:
        return
    for path in paths:
        if not is_answered(path):
            continue
        try:
            answer = ask(path, {"do": "about"}, timeout_s=ANSWER_S)
            lines = dict(str(line).partition(" ")[::2] for line in answer["lines"])
            yield _Found(path, printable(str(answer["server"])), lines.get("config", ""), lines.get("history", ""))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise AskError(
                f"the server at {path} does not answer ({_words(error)}); give its address with --url"
            ) from None


def _config_here(config: Path | None) -> str:
    from vitalcast.config.file import find_file, working_folder
    from vitalcast.config.folders import user_config_folder

    path, _ = find_file(config, working_folder(), user_config_folder())
    return "" if path is None else str(path.resolve())


def _words(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return printable(str(getattr(error, "strerror", None) or error))

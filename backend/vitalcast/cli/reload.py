"""`vitalcast reload`: has the running servers of this user read their configuration anew."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from vitalcast.cli.options import ServerConfig
from vitalcast.cli.output import say
from vitalcast.core.text import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

EXIT_FAILED = 1
ANSWER_S = 60.0  # a server under load reads its file in a thread


def reload(config: ServerConfig = None) -> None:
    """Reload panels and playlists in the running servers.

    Other settings need a restart. A file with a mistake changes nothing. The servers are those of this user with the
    same data folder.
    """
    from vitalcast.access.control import SUPPORTED

    if not SUPPORTED:
        say("vitalcast: error: servers cannot be reloaded on this system; restart the server", err=True)
        raise typer.Exit(EXIT_FAILED)
    folder = _data_folder(config)
    answers = list(_answers(folder))
    if not answers:
        from vitalcast.config.load import load_settings

        load_settings(config)  # where it cannot be read it may well name another folder
        say(
            f"vitalcast: error: no server of this user runs with the data folder {folder}; "
            "give the server's --config, or run this as the server's user",
            err=True,
        )
        raise typer.Exit(EXIT_FAILED)
    for answer in answers:
        _tell(answer)
    if not all(answer["ok"] for answer in answers):
        raise typer.Exit(EXIT_FAILED)


def _data_folder(config: Path | None) -> Path:
    """Return the folder of the server's tokens, which is known even where other settings are wrong."""
    from vitalcast.config.folders import data_folder
    from vitalcast.config.load import setting_of

    return data_folder(setting_of("access.data_dir", config))


def _answers(folder: Path) -> Iterator[dict[str, Any]]:
    from vitalcast.access.control import FOLDER, ask, is_answered, sockets_in

    for path in sockets_in(folder / FOLDER):
        if not is_answered(path):
            continue
        try:
            answer = ask(path, {"do": "reload"}, timeout_s=ANSWER_S)
            ok, lines = answer["ok"] is True, list(answer["lines"])
            yield {"ok": ok, "server": str(answer["server"]), "lines": lines, "unchanged": not ok}
        except OSError as error:
            yield _unknown(path, error.strerror or str(error))
        except (ValueError, KeyError, TypeError):
            yield _unknown(path, "what came makes no sense")


def _unknown(path: Path, why: str) -> dict[str, Any]:
    line = f"gave no answer ({why}); the server's log says whether it has reloaded"
    return {"ok": False, "server": str(path), "lines": [line], "unchanged": False}


def _tell(answer: dict[str, Any]) -> None:
    server = printable(answer["server"])
    for line in answer["lines"]:
        text = f"{server}: {printable(str(line))}"
        say(text if answer["ok"] else f"vitalcast: error: {text}", err=not answer["ok"])
    if answer["unchanged"]:
        say(f"{server}: nothing has changed", err=True)

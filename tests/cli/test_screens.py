"""`vitalcast screens` as it is run, beside a server that uses the same data folder."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.command import TIMEOUT_S, Terminal, run

from vitalcast.access.pairing import readable
from vitalcast.access.screens import Screens
from vitalcast.config.schema import Settings
from vitalcast.live.open_access import open_access

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def command(tmp_path: Path) -> Run:
    """Run `vitalcast screens` with these arguments, over a data folder of the test's own."""
    return lambda *arguments: run(
        "screens", *arguments, cwd=tmp_path, VITALCAST_ACCESS__DATA_DIR=str(tmp_path / "data")
    )


@pytest.fixture
def screens(tmp_path: Path) -> Screens:
    """The screens as the server has them."""
    return Screens(open_access(Settings.model_validate({"access": {"data_dir": str(tmp_path / "data")}})))


def pair(screens: Screens, name: str) -> str:
    pairing, secret = screens.pairings.ask("10.0.0.9", "Browser/1")
    screens.pairings.approve(pairing.code, name=name)
    admitted = screens.admit(secret, address="10.0.0.9", agent="Browser/1")
    assert admitted is not None
    return admitted[1].id


def test_a_screen_is_let_in_named_sent_elsewhere_and_turned_out(command: Run, screens: Screens) -> None:
    pairing, secret = screens.pairings.ask("10.0.0.9", "Browser/1")
    done = command("approve", readable(pairing.code).lower(), "--name", "Hall", "--playlist", "all")
    assert (done.returncode, done.stdout) == (0, "")
    assert "The screen at 10.0.0.9 starts within seconds, as 'Hall', with the playlist all." in done.stderr
    assert "It reports itself as Browser/1." in done.stderr
    admitted = screens.admit(secret, address="10.0.0.9", agent="Browser/1")
    assert admitted is not None
    id_ = admitted[1].id

    id_shown, state, name, playlist, address, seen, paired, agent = command().stdout.removesuffix("\n").split("\t")
    assert (id_shown, state, name, playlist) == (id_, "online", "Hall", "all")
    assert (address, agent) == ("10.0.0.9", "Browser/1")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", seen) and paired == seen

    assert command("rename", id_, "Foyer").stderr == f"{id_} is now called 'Foyer'\n"
    assert command("send", "Foyer", "default").stderr == f"'Foyer' ({id_}) shows default\n"
    assert screens.get(id_).playlist == "default"
    assert command("revoke", "Foyer").stderr == f"'Foyer' ({id_}) is logged out\n"
    assert screens.all() == []


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("approve", "AAA"), "'AAA' is not a screen's code; give the code on the screen, such as ACD-EFG"),
        (("approve", "ACDEFG"), "no screen shows the code ACD-EFG; a code is valid for 10 minutes, then the screen "
         "shows a new code"),
        (("approve", "ACDEFG", "--playlist", "al"), "no playlist is called 'al'; did you mean all?"),
        (("send", "x", "ops"), "no playlist is called 'ops'; there are default, all"),
        (("rename", "x", "Hall"), "no screen is called 'x'; there are none yet"),
        (("revoke", "x"), "no screen is called 'x'; there are none yet"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_one_line(command: Run, arguments: tuple[str, ...], line: str) -> None:
    done = command(*arguments)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"vitalcast: error: {line}\n")


def test_all_are_revoked_or_none(command: Run, screens: Screens) -> None:
    id_ = pair(screens, "Hall")
    done = command("revoke", id_, "Hell")
    assert done.stderr == f"vitalcast: error: no screen is called 'Hell'; there are {id_} (Hall)\n"
    assert [screen.id for screen in screens.all()] == [id_]


def test_the_list_is_a_table_in_a_terminal(
    terminal: Callable[..., Terminal], screens: Screens, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config.toml").write_text(f'[access]\ndata_dir = "{tmp_path / "data"}"\n', encoding="utf-8")
    shown = terminal("screens", cwd=tmp_path)
    assert "There are no screens. Open /wall on a screen" in shown.process.communicate(timeout=TIMEOUT_S)[1]
    pair(screens, "Hall")
    text = terminal("screens", "list", cwd=tmp_path).read_all()
    assert "│" in text
    assert all(word in text for word in ("Hall", "online", "10.0.0.9", "playlist in its"))

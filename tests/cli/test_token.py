"""`vitalcast token` as it is run."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.command import Terminal, run
from typer.testing import CliRunner

from vitalcast.access.access import Access
from vitalcast.cli import main as cli
from vitalcast.cli import token as cli_token
from vitalcast.config.schema import Settings
from vitalcast.core.vocabulary import Scope
from vitalcast.live.open_access import open_access

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def command(tmp_path: Path, folder: Path) -> Run:
    """Run `vitalcast token` with these arguments, over a data folder of the test's own."""
    return lambda *arguments: run("token", *arguments, cwd=tmp_path, VITALCAST_ACCESS__DATA_DIR=str(folder))


def access(folder: Path) -> Access:
    return open_access(Settings.model_validate({"access": {"data_dir": str(folder)}}))


def test_the_list_says_which_panels_of_a_token_were_removed(command: Run, tmp_path: Path) -> None:
    assert command("create", "--scope", "embed", "--panel", "cpu", "--panel", "load").returncode == 0
    file = tmp_path / "config.toml"
    file.write_text('[[panels]]\nid = "load"\ntitle = "Load"\nmetrics = ["system.load.average"]\n')
    assert command("list").stdout.removesuffix("\n").split("\t")[-1] == "panel cpu (removed), panel load"


def test_the_address_to_use_a_token_at_is_the_public_one(tmp_path: Path, folder: Path) -> None:
    def make(*arguments: str) -> str:
        return run(
            "token", "create", *arguments, cwd=tmp_path, VITALCAST_ACCESS__DATA_DIR=str(folder),
            VITALCAST_SERVER__PUBLIC_URL="https://metrics.example.org/vitals", VITALCAST_SERVER__ROOT_PATH="/vitals",
        ).stderr  # fmt: skip

    embed = make("--scope", "embed", "--panel", "cpu")
    assert "as https://metrics.example.org/vitals/embed/panel/cpu?token=TOKEN" in embed
    assert "Log in with it at https://metrics.example.org/vitals/" in make("--scope", "view")


def test_a_token_is_made_listed_and_revoked(command: Run, folder: Path) -> None:
    made = command(
        "create", "--scope", "embed", "--panel", "cpu", "--origin", "https://Wiki.example.org", "--name", "Wiki"
    )
    assert made.returncode == 0
    token = made.stdout.removesuffix("\n")
    assert re.fullmatch(r"[\w-]+\.[\w-]+\.[\w-]+", token), "the token alone"
    grant = access(folder).verify(token, origin="https://wiki.example.org")
    assert (grant.scope, grant.panels) == (Scope.EMBED, {"cpu"})
    assert f"Token {grant.token_id} sees panel cpu on pages of https://wiki.example.org" in made.stderr
    assert str(folder) in made.stderr and "It expires on 20" in made.stderr
    assert "/embed/panel/cpu?token=TOKEN" in made.stderr and "names no site" not in made.stderr
    assert "From its next start, the server requires a token from everybody" in made.stderr
    assert token not in made.stderr

    listed = command("list")
    id_, state, scope, name, created, ends, revoked, sees = listed.stdout.removesuffix("\n").split("\t")
    assert (id_, state, scope, name, revoked) == (grant.token_id, "active", "embed", "Wiki", "")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", created) and ends > created
    assert sees == "panel cpu on pages of https://wiki.example.org"
    assert token not in listed.stdout

    done = command("revoke", id_)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", f"{id_} is revoked\n")
    again = command("revoke", "nothing", token, id_)
    assert again.returncode == 1
    assert again.stderr.splitlines() == [
        "vitalcast: error: 'nothing' is not the id of a token here; `vitalcast token list` shows the ids",
        f"vitalcast: error: {token[:8]}… is a token, not its id; `vitalcast token list` shows the ids",
        f"{id_} was already revoked",
    ]
    assert command("list").stdout.split("\t")[1] == "revoked"


def test_the_list_is_a_table_in_a_terminal(terminal: Callable[..., Terminal], tmp_path: Path) -> None:
    empty = terminal("token", "list", cwd=tmp_path)
    assert empty.process.wait() == 0
    assert empty.process.stderr is not None
    assert "There are no tokens" in empty.process.stderr.read()
    access(tmp_path / "vitalcast").mint(Scope.STREAM, metrics=["system.>"], interval_s=2)
    shown = terminal("token", "list", cwd=tmp_path)
    shown.read_all()
    assert "system.>, every 2 s at most" in shown.text and "never" in shown.text


def test_a_damaged_store_is_named(command: Run, folder: Path) -> None:
    access(folder).mint(Scope.VIEW)
    for path in folder.glob("access.db*"):
        path.write_bytes(b"x" * 5000)
    done = command("list")
    assert done.returncode == 2
    [line] = done.stderr.splitlines()
    assert line.startswith(f"vitalcast: error: access.data_dir: {folder}/access.db is damaged")


@pytest.mark.parametrize(
    ("arguments", "option", "words"),
    [
        ("", "--scope", "Missing option"),
        ("--scope king", "--scope", "'king' is not one of"),
        ("--scope view --metrics >", "--metrics", "a token of scope view has none; that is for stream or embed"),
        ("--scope admin --dashboard", "--dashboard", "that is for embed"),
        ("--scope view --origin https://a.example", "--origin", "that is for embed"),
        ("--scope embed --dashboard --interval 1", "--interval", "that is for stream"),
        ("--scope stream", "--metrics", "needs patterns"),
        ("--scope stream --metrics system..cpu", "--metrics", "is not a token"),
        ("--scope stream --metrics > --interval 0.01", "--interval", "0.1 to 3600 seconds"),
        ("--scope embed", "--panel", "needs panels"),
        ("--scope embed --panel cpux", "--panel", "did you mean cpu?"),
        ("--scope embed --panel cpu --origin wiki", "--origin", "give an origin such as https://wiki.example.org"),
        ("--scope view --expires 30", "--expires", "30d, 12h, 45m or the like, up to 36500d, or never"),
        ("--scope view --expires 0d", "--expires", "30d, 12h, 45m or the like, up to 36500d, or never"),
        ("--scope view --expires 9999999w", "--expires", "30d, 12h, 45m or the like, up to 36500d, or never"),
    ],
)
def test_what_makes_no_sense_is_refused_by_option(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, folder: Path, arguments: str, option: str, words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VITALCAST_ACCESS__DATA_DIR", str(folder))
    done = CliRunner().invoke(cli.app, ["token", "create", *arguments.split()], prog_name="vitalcast")
    assert done.exit_code == 2
    said = " ".join(done.stderr.split())
    assert option in said and words in said
    assert done.stdout == ""
    assert access(folder).records() == []


@pytest.mark.parametrize(
    ("text", "seconds"), [("1s", 1), ("45m", 2700), ("12H", 43_200), ("30d", 2_592_000), ("2w", 1_209_600)]
)
def test_a_time_to_live_has_a_unit(text: str, seconds: int) -> None:
    assert cli_token.lifetime_s(text) == seconds


@pytest.mark.parametrize(
    ("since", "seconds", "words"),
    [
        ("15m", 900, "sees panel cpu, on servers"),
        ("36h", 129_600, "sees panel cpu, 36h back, on servers"),
        ("90s", 90, "sees panel cpu, 90s back, on servers"),
        ("ever", None, "sees panel cpu, as far back as anything is kept, on servers"),
    ],
)
def test_an_embed_token_is_made_to_see_further_back(
    command: Run, folder: Path, since: str, seconds: float | None, words: str
) -> None:
    made = command("create", "--scope", "embed", "--panel", "cpu", "--since", since)
    assert words in " ".join(made.stderr.split())
    assert access(folder).verify(made.stdout.strip()).since_s == seconds


@pytest.mark.parametrize(
    ("options", "seconds", "words"),
    [
        ((), None, "sees system.>, on servers"),
        (("--since", "ever"), None, "sees system.>, on servers"),
        (("--since", "15m"), 900, "sees system.>, 15m back, on servers"),
    ],
)
def test_a_stream_token_is_made_to_see_less_far_back(
    command: Run, folder: Path, options: tuple[str, ...], seconds: float | None, words: str
) -> None:
    made = command("create", "--scope", "stream", "--metrics", "system.>", *options)
    assert words in " ".join(made.stderr.split())
    assert access(folder).verify(made.stdout.strip()).since_s == seconds


def test_never_is_a_time_to_live_too() -> None:
    assert cli_token.lifetime_s("never") is None


def test_tail_refuses_what_cannot_be_a_token_without_repeating_it() -> None:
    done = CliRunner().invoke(cli.app, ["tail", "x", "--token", "secret\nsecret"], prog_name="vitalcast")
    assert done.exit_code == 2
    assert "--token" in done.stderr and "secret" not in done.stderr

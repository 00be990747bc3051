"""The store of the screens: pairing by a code, and what is known of each, by any process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from vitalcast.access.access import Access
from vitalcast.access.screens import ALPHABET, CODE_MS, ONLINE_MS, PENDING_MAX, Screens, readable
from vitalcast.config.schema import Settings
from vitalcast.core.text import printable
from vitalcast.core.vocabulary import Scope
from vitalcast.errors import AccessError, ScreenError, ScreenNameError, TooManyPairings
from vitalcast.live.open_access import open_access


class Clock:
    """Unix milliseconds, as a test sets them."""

    def __init__(self) -> None:
        self.ms = 1_790_000_000_000

    def __call__(self) -> int:
        return self.ms


Process = Callable[[], tuple[Access, Screens]]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def process(tmp_path: Path, clock: Clock) -> Process:
    """Another process that uses the same data folder."""
    settings = Settings.model_validate({"access": {"data_dir": str(tmp_path / "data")}})

    def begin() -> tuple[Access, Screens]:
        access = open_access(settings, now_ms=clock)
        return access, Screens(access, now_ms=clock)

    return begin


def paired(screens: Screens, name: str = "Hall", playlist: str = "") -> tuple[str, str]:
    """Pair a screen; return its id and the text of its token."""
    pairing, secret = screens.ask("10.0.0.9", "Browser")
    screens.approve(pairing.code, name=name, playlist=playlist)
    admitted = screens.admit(secret, address="10.0.0.9", agent="Browser")
    assert admitted is not None
    return admitted[1].id, admitted[0]


def test_a_code_is_approved_by_another_process_and_lets_its_screen_in_once(process: Process) -> None:
    (_, server), (_, command) = process(), process()
    pairing, secret = server.ask("10.0.0.9", "Mozilla/5.0 (X11)")
    assert len(pairing.code) == 6
    assert set(pairing.code) <= set(ALPHABET)
    claimed = server.claim(secret)
    assert claimed is not None
    assert claimed.approved_ms is None
    assert server.admit(secret, address="10.0.0.9", agent="x") is None

    found = command.find(f" {readable(pairing.code).lower()} ")
    assert (found.address, found.agent) == ("10.0.0.9", "Mozilla/5.0 (X11)")
    command.approve(pairing.code, name="Hall", playlist="ops")

    admitted = server.admit(secret, address="10.0.0.9", agent="Mozilla")
    assert admitted is not None
    text, screen = admitted
    access, _ = process()
    grant = access.verify(text)
    assert (grant.scope, grant.token_id, grant.expires_ms) == (Scope.VIEW, screen.token_id, None)
    assert (screen.name, screen.playlist) == ("Hall", "ops")
    assert server.admit(secret, address="10.0.0.9", agent="x") is None
    assert server.claim(secret) is None


def test_nothing_that_lets_in_is_kept_as_it_is(process: Process, tmp_path: Path) -> None:
    _, screens = process()
    _, secret = screens.ask("10.0.0.9", "x")
    _, token = paired(screens)
    for file in (tmp_path / "data").glob("access.db*"):
        content = file.read_bytes()
        assert secret.encode() not in content
        assert token.encode() not in content


def test_a_code_is_good_for_ten_minutes_and_an_approval_for_as_long_again(process: Process, clock: Clock) -> None:
    _, screens = process()
    pairing, secret = screens.ask("10.0.0.9", "x")
    late, late_secret = screens.ask("10.0.0.9", "x")
    clock.ms += CODE_MS - 1
    screens.approve(pairing.code)
    clock.ms += 1
    with pytest.raises(ScreenError, match=f"{readable(late.code)} has expired; approve the code"):
        screens.approve(late.code)
    assert screens.claim(late_secret) is None
    assert screens.claim(secret) is not None
    clock.ms += CODE_MS
    assert screens.admit(secret, address="10.0.0.9", agent="x") is None


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("", "'' is not a screen's code; give the code on the screen, such as ACD-EFG"),
        ("HELLO", "'HELLO' is not a screen's code"),
        ("ABC-DEF", "'ABC-DEF' is not a screen's code"),
        ("ACD-EFG", "no screen shows the code ACD-EFG; a code is valid for 10 minutes"),
        ("' OR 1", "not a screen's code"),
    ],
)
def test_a_wrong_code_is_refused_in_words(process: Process, code: str, words: str) -> None:
    _, screens = process()
    with pytest.raises(ScreenError) as caught:
        screens.approve(code)
    assert words in str(caught.value)


def test_no_more_codes_than_the_limit_wait_at_once(process: Process, clock: Clock) -> None:
    _, screens = process()
    codes = {screens.ask("10.0.0.9", "x")[0].code for _ in range(PENDING_MAX)}
    assert len(codes) == PENDING_MAX
    clock.ms += 1000
    with pytest.raises(TooManyPairings) as caught:
        screens.ask("10.0.0.9", "x")
    assert caught.value.wait_s == CODE_MS // 1000 - 1
    clock.ms += CODE_MS
    screens.ask("10.0.0.9", "x")


def test_codes_from_before_the_clock_was_set_back_keep_nobody_out(process: Process, clock: Clock) -> None:
    _, screens = process()
    for _ in range(PENDING_MAX):
        screens.ask("10.0.0.9", "x")
    clock.ms -= 3_600_000
    screens.ask("10.0.0.9", "x")


def test_screens_are_found_by_id_or_name_and_changed_by_any_process(process: Process) -> None:
    (_, server), (_, command) = process(), process()
    hall, _ = paired(server, "Hall")
    lab, _ = paired(server, "  The \n lab ")
    assert [screen.name for screen in command.all()] == ["Hall", "The lab"]
    command.change("Hall", name="Foyer")
    command.change(lab, playlist="ops")
    assert server.get(hall).name == "Foyer"
    changed = server.of_token(server.get(lab).token_id)
    assert changed is not None
    assert (changed.name, changed.playlist) == ("The lab", "ops")
    command.change(lab, name="Foyer")
    with pytest.raises(ScreenError, match="2 screens are called 'Foyer'; give the id instead"):
        command.get("Foyer")
    with pytest.raises(ScreenError, match=f"no screen is called 'Halle'; there are {min(hall, lab)} "):
        command.get("Halle")
    with pytest.raises(ScreenNameError, match="60 characters at most, this name has 61"):
        command.change(lab, name="x" * 61)


@pytest.mark.parametrize("odd", ["\x1b", "\u202e", "\udcff", "\x00"])
def test_a_name_that_would_not_read_as_it_is_is_refused(process: Process, odd: str) -> None:
    _, screens = process()
    pairing, _ = screens.ask("127.0.0.1", f"Mozilla{odd}5")
    assert pairing.agent == "Mozilla5"
    with pytest.raises(ScreenNameError) as caught:
        screens.approve(pairing.code, name=f"Hall{odd}way")
    assert str(caught.value) == f"a screen's name holds printable characters only, not {printable(odd)}"
    assert screens.approve(pairing.code, name=" Hall   2 ").name == "Hall 2"


def test_a_screen_that_is_revoked_is_let_in_no_more(process: Process) -> None:
    access, screens = process()
    hall, token = paired(screens)
    token_id = access.verify(token).token_id
    assert access.changed() == frozenset()
    _, command = process()
    command.revoke(hall)
    assert access.changed() == {token_id}
    with pytest.raises(AccessError, match="revoked"):
        access.verify(token)
    assert screens.all() == []


def test_a_screen_whose_token_was_revoked_is_none_any_more(process: Process) -> None:
    access, screens = process()
    hall, _ = paired(screens)
    access.revoke(screens.get(hall).token_id)
    assert screens.all() == []


def test_when_a_screen_was_seen_is_known_at_once_here_and_soon_elsewhere(process: Process, clock: Clock) -> None:
    (_, server), (_, command) = process(), process()
    hall, _ = paired(server)
    clock.ms += ONLINE_MS + 1
    assert not server.get(hall).online(clock.ms)
    assert server.seen(server.get(hall))
    assert server.get(hall).online(clock.ms)
    assert not command.get(hall).online(clock.ms)
    server.keep()
    assert command.get(hall).online(clock.ms)
    clock.ms += 5000
    assert not server.seen(server.get(hall))
    clock.ms -= 3_600_000
    assert not server.get(hall).online(clock.ms), "what was seen before the clock was set back says nothing of now"
    assert server.seen(server.get(hall))
    assert server.get(hall).online(clock.ms)


def test_a_paired_screen_is_no_reason_to_ask_others_for_a_token(process: Process) -> None:
    _, screens = process()
    paired(screens)
    access, _ = process()
    assert not access.required
    access.mint(Scope.VIEW)
    assert process()[0].required


def test_what_strangers_say_is_kept_on_one_line_and_cut(process: Process) -> None:
    _, screens = process()
    pairing, _ = screens.ask("10.0.0.9", "a\nb\x1b[31m" + "x" * 5000)
    assert screens.find(pairing.code).agent == "ab[31m" + "x" * 194

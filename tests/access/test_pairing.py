"""How a wall screen is let in."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.access.screen_processes import Clock, Process, paired

from vitalcast.access.pairing import ALPHABET, CODE_MS, PENDING_MAX, readable
from vitalcast.core.text import printable
from vitalcast.core.vocabulary import Scope
from vitalcast.errors import ScreenError, ScreenNameError, TooManyPairings


def test_a_code_is_approved_by_another_process_and_lets_its_screen_in_once(process: Process) -> None:
    (_, server), (_, command) = process(), process()
    pairing, secret = server.pairings.ask("10.0.0.9", "Mozilla/5.0 (X11)")
    assert len(pairing.code) == 6
    assert set(pairing.code) <= set(ALPHABET)
    claimed = server.pairings.claim(secret)
    assert claimed is not None
    assert claimed.approved_ms is None
    assert server.admit(secret, address="10.0.0.9", agent="x") is None

    found = command.pairings.find(f" {readable(pairing.code).lower()} ")
    assert (found.address, found.agent) == ("10.0.0.9", "Mozilla/5.0 (X11)")
    command.pairings.approve(pairing.code, name="Hall", playlist="ops")

    admitted = server.admit(secret, address="10.0.0.9", agent="Mozilla")
    assert admitted is not None
    text, screen = admitted
    access, _ = process()
    grant = access.verify(text)
    assert (grant.scope, grant.token_id, grant.expires_ms) == (Scope.VIEW, screen.token_id, None)
    assert (screen.name, screen.playlist) == ("Hall", "ops")
    assert server.admit(secret, address="10.0.0.9", agent="x") is None
    assert server.pairings.claim(secret) is None


def test_nothing_that_lets_in_is_kept_as_it_is(process: Process, tmp_path: Path) -> None:
    _, screens = process()
    _, secret = screens.pairings.ask("10.0.0.9", "x")
    _, token = paired(screens)
    for file in (tmp_path / "data").glob("access.db*"):
        content = file.read_bytes()
        assert secret.encode() not in content
        assert token.encode() not in content


def test_a_code_is_good_for_ten_minutes_and_an_approval_for_as_long_again(process: Process, clock: Clock) -> None:
    _, screens = process()
    pairing, secret = screens.pairings.ask("10.0.0.9", "x")
    late, late_secret = screens.pairings.ask("10.0.0.9", "x")
    clock.ms += CODE_MS - 1
    screens.pairings.approve(pairing.code)
    clock.ms += 1
    with pytest.raises(ScreenError, match=f"{readable(late.code)} has expired; approve the code"):
        screens.pairings.approve(late.code)
    assert screens.pairings.claim(late_secret) is None
    assert screens.pairings.claim(secret) is not None
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
        screens.pairings.approve(code)
    assert words in str(caught.value)


def test_no_more_codes_than_the_limit_wait_at_once(process: Process, clock: Clock) -> None:
    _, screens = process()
    codes = {screens.pairings.ask("10.0.0.9", "x")[0].code for _ in range(PENDING_MAX)}
    assert len(codes) == PENDING_MAX
    clock.ms += 1000
    with pytest.raises(TooManyPairings) as caught:
        screens.pairings.ask("10.0.0.9", "x")
    assert caught.value.wait_s == CODE_MS // 1000 - 1
    clock.ms += CODE_MS
    screens.pairings.ask("10.0.0.9", "x")


def test_codes_from_before_the_clock_was_set_back_keep_nobody_out(process: Process, clock: Clock) -> None:
    _, screens = process()
    for _ in range(PENDING_MAX):
        screens.pairings.ask("10.0.0.9", "x")
    clock.ms -= 3_600_000
    screens.pairings.ask("10.0.0.9", "x")


@pytest.mark.parametrize("odd", ["\x1b", "\u202e", "\udcff", "\x00"])
def test_a_name_that_would_not_read_as_it_is_is_refused(process: Process, odd: str) -> None:
    _, screens = process()
    pairing, _ = screens.pairings.ask("127.0.0.1", f"Mozilla{odd}5")
    assert pairing.agent == "Mozilla5"
    with pytest.raises(ScreenNameError) as caught:
        screens.pairings.approve(pairing.code, name=f"Hall{odd}way")
    assert str(caught.value) == f"a screen's name holds printable characters only, not {printable(odd)}"
    assert screens.pairings.approve(pairing.code, name=" Hall   2 ").name == "Hall 2"


def test_what_strangers_say_is_kept_on_one_line_and_cut(process: Process) -> None:
    _, screens = process()
    pairing, _ = screens.pairings.ask("10.0.0.9", "a\nb\x1b[31m" + "x" * 5000)
    assert screens.pairings.find(pairing.code).agent == "ab[31m" + "x" * 194

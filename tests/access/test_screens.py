"""The store of the screens: pairing by a code, and what is known of each, by any process."""

from __future__ import annotations

import pytest
from tests.access.screen_processes import Clock, Process, paired

from vitalcast.access.screens import ONLINE_MS
from vitalcast.core.vocabulary import Scope
from vitalcast.errors import AccessError, ScreenError, ScreenNameError


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

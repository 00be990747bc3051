"""Who is let in: tokens made, looked at and taken back, over a data folder that a server and a command share."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path
from typing import Any

import jwt
import pytest

from vitalcast.access.access import Access
from vitalcast.config.schema import Settings
from vitalcast.core.metrics.names import Selection
from vitalcast.core.stream.grants import Grant
from vitalcast.core.vocabulary import ErrorCode, Scope
from vitalcast.errors import AccessError, ConfigError, LimitsError
from vitalcast.live.open_access import open_access

START_MS = 1_790_000_000_500
WIKI = "https://wiki.example.org"


class House:
    """A data folder, a clock, and as many processes over them as a test opens."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now_ms = START_MS

    def open(self, **server: Any) -> Access:
        settings = Settings.model_validate({"server": server, "access": {"data_dir": str(self.folder)}})
        return open_access(settings, now_ms=lambda: self.now_ms)

    def serve(self, **server: Any) -> Access:
        access = self.open(**server)
        access.check()
        access.start()
        return access


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path / "data")


def refusal(access: Access, token: str, **kwargs: Any) -> AccessError:
    with pytest.raises(AccessError) as caught:
        access.verify(token, **kwargs)
    return caught.value


# --- without a token -------------------------------------------------------------------------------------------------


def test_on_loopback_and_without_tokens_everyone_may_do_everything(house: House) -> None:
    access = house.serve()
    assert not access.required
    assert access.anonymous is not None and access.anonymous.scope is Scope.ADMIN


def test_on_loopback_a_token_in_force_is_asked_for(house: House) -> None:
    house.open().mint(Scope.VIEW, expires_s=60)
    access = house.serve()
    assert access.required
    assert access.anonymous is None


def test_a_door_does_not_open_by_itself_when_the_last_token_expires(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    _, record = house.open().mint(Scope.VIEW, expires_s=60)
    house.now_ms += 61_000
    access = house.serve()
    assert access.required
    assert "every token has expired, so nobody can connect; create a token with `vitalcast token" in caplog.text
    assert access.revoke(record.id)
    assert not house.serve().required


def test_no_auth_lets_everyone_look_and_nobody_rule(house: House) -> None:
    house.open().mint(Scope.VIEW)
    access = house.serve(host="0.0.0.0", no_auth=True)
    assert not access.required
    assert access.anonymous is not None and access.anonymous.scope is Scope.VIEW


def test_what_loopback_lets_everyone_do_is_for_this_machine_alone(house: House) -> None:
    assert house.serve().without_token(near=False) is None
    assert house.serve(no_auth=True).without_token(near=False) == Grant(Scope.VIEW)
    assert house.serve(host="0.0.0.0", no_auth=True).without_token(near=False) == Grant(Scope.VIEW)


def test_where_others_can_connect_there_must_be_a_token(house: House) -> None:
    with pytest.raises(ConfigError, match=r"^server.host: .*`vitalcast token create --scope view`"):
        house.serve(host="0.0.0.0")
    _, record = house.open(host="0.0.0.0").mint(Scope.VIEW)
    assert house.serve(host="0.0.0.0").required
    house.open().revoke(record.id)
    with pytest.raises(ConfigError, match=r"^server\.host"):
        house.serve(host="0.0.0.0")


# --- tokens ----------------------------------------------------------------------------------------------------------


def test_a_token_is_known_to_a_server_that_runs_already(house: House) -> None:
    server = house.serve()
    token, record = house.open().mint(Scope.VIEW, name="wall", expires_s=60)
    grant = server.verify(token)
    assert (grant.scope, grant.token_id, grant.within) == (Scope.VIEW, record.id, None)
    assert grant.expires_ms == record.expires_ms == START_MS // 1000 * 1000 + 60_000
    assert server.verify(token) is grant, "all sockets of a token share what it grants"
    assert server.records() == [record]


def test_a_token_that_was_right_before_is_known_by_its_text(house: House) -> None:
    access = house.serve()
    text, _ = access.mint(Scope.VIEW)
    assert not access.knows(text)
    access.verify(text)
    assert access.knows(text)
    assert not access.knows(text[:-1])


def test_the_text_says_what_the_record_says(house: House) -> None:
    token, record = house.open().mint(
        Scope.STREAM, name="logger", expires_s=60, metrics=["system.>", "table.processes"], interval_s=2
    )
    claims = jwt.decode(
        token, (house.folder / "secret").read_bytes(), algorithms=["HS256"], options={"verify_exp": False}
    )
    assert claims == {
        "iss": "vitalcast",
        "jti": record.id,
        "scope": "stream",
        "iat": START_MS // 1000,
        "exp": START_MS // 1000 + 60,
        "name": "logger",
        "metrics": ["system.>", "table.processes"],
        "interval": 2,
    }


def test_a_stream_token_sees_its_patterns_at_its_pace(house: House) -> None:
    token, _ = house.open().mint(Scope.STREAM, metrics=["system.cpu.*", "table.processes"], interval_s=2)
    grant = house.serve().verify(token)
    assert grant.covers(Selection.of(["system.cpu.utilization"]))
    assert not grant.covers(Selection.of(["system.memory.usage"]))
    assert grant.allows_table("processes")
    assert grant.interval_min_ms == 2000
    assert not grant.allows_panel("cpu")
    assert not grant.dashboard


def test_an_embed_token_sees_what_its_panels_ask_for_and_no_more(house: House) -> None:
    token, _ = house.open().mint(Scope.EMBED, panels=["memory"], origins=["HTTPS://Wiki.example.org:443"])
    grant = house.serve().verify(token, origin=WIKI)
    assert grant.covers(Selection.of(["system.memory.usage", "system.memory.limit", "system.uptime"]))
    assert not grant.covers(Selection.of(["system.cpu.utilization"]))
    assert not grant.allows_table("processes")
    assert (grant.allows_panel("memory"), grant.allows_panel("cpu"), grant.dashboard) == (True, False, False)
    assert grant.origins == {WIKI}


def test_a_token_for_the_dashboard_covers_every_panel(house: House) -> None:
    token, _ = house.open().mint(Scope.EMBED, dashboard=True)
    grant = house.serve().verify(token)
    assert grant.allows_panel("cpu") and grant.allows_panel("memory") and grant.dashboard
    assert grant.covers(Selection.of(["system.memory.usage", "system.cpu.utilization"]))
    assert not grant.covers(Selection.of([">"]))
    assert not grant.allows_table("processes")


def test_a_token_for_embedding_may_see_more_than_its_panels_where_that_is_said(house: House) -> None:
    token, _ = house.open().mint(Scope.EMBED, dashboard=True, metrics=["table.processes", "system.paging.*"])
    grant = house.serve().verify(token)
    assert grant.allows_table("processes")
    assert grant.covers(Selection.of(["system.paging.faults"]))


@pytest.mark.parametrize(("limits", "since_s"), [({}, 900), ({"since_s": 86_400}, 86_400), ({"since_s": None}, None)])
def test_a_token_for_embedding_sees_a_quarter_of_an_hour_back_unless_it_is_made_to_see_more(
    house: House, limits: dict[str, Any], since_s: float | None
) -> None:
    access = house.open()
    for scope in (Scope.VIEW, Scope.ADMIN):
        assert access.verify(access.mint(scope)[0]).since_s is None
    token, _ = access.mint(Scope.EMBED, dashboard=True, **limits)
    assert house.serve().verify(token).since_s == since_s


@pytest.mark.parametrize(
    ("limits", "since_s"), [({}, None), ({"since_s": None}, None), ({"since_s": 900}, 900), ({"since_s": 60}, 60)]
)
def test_a_token_for_streams_sees_all_that_is_kept_unless_it_is_made_to_see_less(
    house: House, limits: dict[str, Any], since_s: float | None
) -> None:
    token, _ = house.open().mint(Scope.STREAM, metrics=["system.>"], **limits)
    assert house.serve().verify(token).since_s == since_s


def test_a_grant_holds_until_its_token_is_revoked_or_has_expired(house: House) -> None:
    access = house.open()
    kept, ended = (access.mint(Scope.VIEW, expires_s=expires_s) for expires_s in (None, 60))
    grants = [access.verify(token) for token, _ in (kept, ended)]
    assert [access.holds(grant) for grant in (*grants, Grant(Scope.ADMIN))] == [True, True, True]
    house.now_ms += 61_000
    assert [access.holds(grant) for grant in grants] == [True, False]
    access.revoke(kept[1].id)
    assert not access.holds(grants[0])
    assert not access.holds(Grant(Scope.VIEW, "nobody"))


def test_a_panel_that_is_there_no_more_grants_nothing(house: House) -> None:
    token, _ = house.open().mint(Scope.EMBED, panels=["cpu"])
    settings = Settings.model_validate({"access": {"data_dir": str(house.folder)}, "panels": []})
    grant = open_access(settings, now_ms=lambda: house.now_ms).verify(token)
    assert not grant.covers(Selection.of(["system.cpu.utilization"]))


def test_an_end_comes(house: House) -> None:
    server = house.serve()
    token, _ = house.open().mint(Scope.VIEW, expires_s=60)
    server.verify(token)
    house.now_ms += 60_000
    error = refusal(server, token)
    assert (error.code, error.message) == (ErrorCode.TOKEN_EXPIRED, "token: it has expired; ask for a new token")
    for path in house.folder.glob("access.db*"):
        path.unlink()
    assert refusal(house.serve(), token).code == ErrorCode.TOKEN_EXPIRED, "even where the store has forgotten it"


def test_what_is_revoked_in_one_process_is_noticed_in_the_other_once(house: House) -> None:
    server, command = house.serve(), house.open()
    token, record = command.mint(Scope.VIEW)
    other, _ = command.mint(Scope.VIEW)
    assert server.changed() == frozenset()
    server.verify(token)
    assert command.revoke(record.id)
    assert not command.revoke(record.id)
    error = refusal(server, token)
    assert (error.code, error.revoked) == (ErrorCode.UNAUTHORIZED, True)
    assert server.changed() == {record.id}
    assert server.changed() == frozenset()
    server.verify(other)


def test_what_a_server_revokes_itself_it_notices_too(house: House) -> None:
    server = house.serve()
    _, record = server.mint(Scope.VIEW)
    assert server.changed() == frozenset()
    server.revoke(record.id)
    assert server.changed() == {record.id}


def test_to_delete_the_store_is_to_revoke_all(house: House) -> None:
    server = house.serve()
    token, record = house.open().mint(Scope.VIEW)
    server.verify(token)
    for path in house.folder.glob("access.db*"):
        path.unlink()
    assert server.changed() == {record.id}
    assert "unknown token" in str(refusal(server, token))
    again, _ = house.open().mint(Scope.VIEW)
    server.verify(again)


def test_to_replace_the_secret_is_to_revoke_all(house: House) -> None:
    server = house.serve()
    token, record = house.open().mint(Scope.VIEW)
    server.verify(token)
    (house.folder / "secret").unlink()
    again, _ = house.open().mint(Scope.VIEW)
    assert record.id in server.changed()
    assert refusal(server, token).code == ErrorCode.UNAUTHORIZED
    server.verify(again)


def test_a_page_of_another_site_may_use_the_tokens_that_name_it_and_those_of_the_settings(house: House) -> None:
    command = house.open()
    wiki, _ = command.mint(Scope.EMBED, panels=["cpu"], origins=[WIKI])
    anywhere, _ = command.mint(Scope.EMBED, panels=["cpu"])
    view, _ = command.mint(Scope.VIEW)
    server = house.serve(allowed_origins=["https://ops.example.org"])
    assert server.origins() == {WIKI}
    server.verify(wiki)
    server.verify(wiki, origin=WIKI)
    server.verify(anywhere, origin="https://ops.example.org")
    server.verify(view, origin="https://ops.example.org")
    for token, origin in ((wiki, "https://ops.example.org"), (anywhere, WIKI), (view, WIKI), (wiki, "null")):
        assert refusal(server, token, origin=origin).code == ErrorCode.UNAUTHORIZED


def test_without_a_token_a_page_of_another_site_gets_what_the_settings_let_it_have(house: House) -> None:
    server = house.serve(allowed_origins=["https://ops.example.org"])
    house.open().mint(Scope.EMBED, panels=["cpu"], origins=[WIKI])
    assert server.origins() == {WIKI}
    assert server.without_token() == server.without_token(origin="https://ops.example.org") == server.anonymous
    assert server.without_token(origin=WIKI) is None
    assert house.serve(allowed_origins=[WIKI]).without_token(origin=WIKI) is None, "where everyone needs one"


# --- what is no token ------------------------------------------------------------------------------------------------


def forged(secret: bytes, algorithm: str = "HS256", **claims: Any) -> str:
    return jwt.encode({"iss": "vitalcast", "jti": "abc", "iat": 0} | claims, secret, algorithm)


def part(value: Any) -> str:
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


HEAD = part({"alg": "HS256", "typ": "JWT"})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "a.b.c",
        "é",
        "\ud800",
        "." * 3999,
        "x" * 100_000,
        f"{HEAD}..",
        f"{HEAD}.{part({'iss': 'vitalcast', 'jti': 'abc', 'iat': 0})}.",
        f"{part(b'[' * 2000)}.{part({})}.x",
        f"{part({'alg': 'none'})}.{part({'iss': 'vitalcast', 'jti': 'abc', 'iat': 0})}.",
        forged(b"y" * 32),
        forged(b"y" * 64, "HS512"),
    ],
)
def test_what_this_server_has_not_made_is_refused_in_the_same_words(house: House, text: str) -> None:
    server = house.serve()
    house.open().mint(Scope.VIEW)
    error = refusal(server, text)
    assert (error.code, error.message) == (ErrorCode.UNAUTHORIZED, "token: unknown token")


def test_a_right_signature_is_not_enough(house: House) -> None:
    server = house.serve()
    secret = (house.folder / "secret").read_bytes()
    assert str(refusal(server, forged(secret))) == "token: unknown token"
    for claims in ({"iss": "other"}, {"jti": 7}, {"jti": None}, {"exp": "soon"}, {"nbf": 2**40}):
        assert refusal(server, forged(secret, **claims)).code == ErrorCode.UNAUTHORIZED


@pytest.mark.parametrize(
    ("scope", "limits", "key"),
    [
        (Scope.VIEW, {"metrics": [">"]}, "metrics"),
        (Scope.ADMIN, {"panels": ["cpu"]}, "panels"),
        (Scope.STREAM, {}, "metrics"),
        (Scope.STREAM, {"metrics": ["system..cpu"]}, "metrics"),
        (Scope.STREAM, {"metrics": [f"a{n}" for n in range(65)]}, "metrics"),
        (Scope.STREAM, {"metrics": [f"{'a' * 200}{n}" for n in range(60)]}, "metrics"),
        (Scope.STREAM, {"metrics": [">"], "interval_s": 0.01}, "interval"),
        (Scope.STREAM, {"metrics": [">"], "interval_s": float("nan")}, "interval"),
        (Scope.STREAM, {"metrics": [">"], "origins": [WIKI]}, "origins"),
        (Scope.EMBED, {}, "panels"),
        (Scope.EMBED, {"panels": ["cpux"]}, "panels"),
        (Scope.EMBED, {"dashboard": True, "interval_s": 1}, "interval"),
        (Scope.EMBED, {"dashboard": True, "origins": ["wiki.example.org"]}, "origins"),
        (Scope.EMBED, {"dashboard": True, "origins": ["null"]}, "origins"),
        (Scope.EMBED, {"dashboard": True, "since_s": 0.5}, "since"),
        (Scope.EMBED, {"dashboard": True, "since_s": 1e12}, "since"),
        (Scope.VIEW, {"since_s": 60}, "since"),
        (Scope.VIEW, {"since_s": 900}, "since"),
        (Scope.STREAM, {"metrics": ["a"], "since_s": 0.5}, "since"),
        (Scope.VIEW, {"name": "a\nb"}, "name"),
        (Scope.VIEW, {"name": "a" * 121}, "name"),
    ],
)
def test_limits_that_make_no_sense_are_refused_and_nothing_is_kept(
    house: House, scope: Scope, limits: dict[str, Any], key: str
) -> None:
    access = house.open()
    with pytest.raises(LimitsError) as caught:
        access.mint(scope, **limits)
    assert caught.value.key == key
    assert access.records() == []


def test_a_misspelt_panel_is_guessed(house: House) -> None:
    with pytest.raises(LimitsError, match=r"^panels: there is no panel 'memmory'; did you mean memory\?$"):
        house.open().mint(Scope.EMBED, panels=["memmory"])


# --- the folder ------------------------------------------------------------------------------------------------------


def test_to_look_writes_nothing_and_to_start_makes_the_secret(house: House) -> None:
    access = house.open()
    access.check()
    assert access.changed() == frozenset()
    assert not house.folder.exists()
    access.start()
    assert [path.name for path in house.folder.iterdir()] == ["secret"]


def test_only_this_user_may_read_what_is_there(house: House) -> None:
    before = os.umask(0)
    try:
        house.serve().mint(Scope.VIEW)
    finally:
        os.umask(before)
    assert house.folder.stat().st_mode & 0o777 == 0o700
    files = {path.name: path.stat().st_mode & 0o777 for path in house.folder.iterdir()}
    assert {"secret", "access.db"} <= files.keys()
    assert set(files.values()) == {0o600}


def test_where_nothing_can_be_kept_an_open_server_says_so_and_serves(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    access = House(tmp_path / "file" / "data").serve()
    assert "tokens cannot be used: access.data_dir: " in caplog.text
    assert access.changed() == frozenset()
    assert refusal(access, "x").code == ErrorCode.UNAUTHORIZED
    with pytest.raises(ConfigError, match=r"access.data_dir: .* cannot be made"):
        access.mint(Scope.VIEW)


def test_a_secret_that_others_may_read_is_no_secret(house: House, caplog: pytest.LogCaptureFixture) -> None:
    house.serve()
    (house.folder / "secret").chmod(0o644)
    house.serve()
    assert "its mode is 0644" in caplog.text and "chmod 600" in caplog.text
    with pytest.raises(ConfigError, match="chmod 600"):
        house.open().mint(Scope.VIEW)
    assert refusal(house.open(), "x").code == ErrorCode.INTERNAL


def test_a_server_that_asks_for_tokens_does_not_start_without_a_secret_to_check_them_by(house: House) -> None:
    house.serve().mint(Scope.VIEW)
    (house.folder / "secret").chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        house.serve()


def test_a_new_secret_is_told_where_it_ends_tokens(house: House, caplog: pytest.LogCaptureFixture) -> None:
    house.serve().mint(Scope.VIEW)
    house.serve()
    assert caplog.text == ""
    (house.folder / "secret").unlink()
    house.serve()
    assert "earlier tokens are no longer valid" in caplog.text


def test_a_folder_where_others_may_write_is_not_used(house: House) -> None:
    house.serve().mint(Scope.VIEW)
    house.folder.chmod(0o770)
    with pytest.raises(ConfigError, match=r"other users may write to .* chmod 700"):
        house.open()


def test_a_secret_of_another_length_is_named(house: House) -> None:
    server = house.serve()
    (house.folder / "secret").write_bytes(b"short")
    with pytest.raises(ConfigError, match="is not a secret of Vitalcast: it has 5 bytes and not 32"):
        server.changed()
    error = refusal(server, "x")
    assert (error.code, error.temporary) == (ErrorCode.INTERNAL, True)
    with pytest.raises(ConfigError, match="is not a secret of Vitalcast"):
        server.mint(Scope.VIEW)

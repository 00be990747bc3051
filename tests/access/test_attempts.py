"""Wrong tokens are bounded by address; those that were right once are no guesses."""

from __future__ import annotations

import pytest

from vitalcast.access.attempts import Attempts
from vitalcast.core.stream.grants import Grant
from vitalcast.core.vocabulary import ErrorCode, Scope
from vitalcast.errors import AccessError, TooManyWrongTokens

GOOD, WRONG, EXPIRED, REVOKED = "good", "wrong", "expired", "revoked"


class FakeAccess:
    """Knows one good token."""

    def __init__(self) -> None:
        self.anonymous: Grant | None = None
        self.looked_at: list[str] = []
        self.known: set[str] = set()

    def knows(self, token: str) -> bool:
        return token in self.known

    def verify(self, token: str, *, origin: str | None = None) -> Grant:
        self.looked_at.append(token)
        if token == GOOD:
            return Grant(Scope.VIEW)
        code = ErrorCode.TOKEN_EXPIRED if token == EXPIRED else ErrorCode.UNAUTHORIZED
        raise AccessError(code, f"token: it is {token}", revoked=token == REVOKED)


class House:
    def __init__(self, *, each: int, total: int = 600) -> None:
        self.now_s = 0.0
        self.access = FakeAccess()
        self.attempts = Attempts(self.access, total=total, each=each, now_s=lambda: self.now_s)  # type: ignore[arg-type]

    def attempt(self, token: str, address: str = "10.0.0.1") -> int:
        """Return 0, or the code of the error."""
        try:
            self.attempts.verify(token, address=address)
        except AccessError as error:
            return error.code
        return 0


def test_after_too_many_wrong_tokens_no_token_is_looked_at_for_a_while() -> None:
    house = House(each=3)
    assert [house.attempt(WRONG) for _ in range(4)] == [101, 101, 101, 111]
    assert house.attempt(GOOD) == 111
    assert house.access.looked_at == [WRONG] * 3
    house.now_s = 20.0
    assert house.attempt(GOOD) == 0
    assert [house.attempt(WRONG) for _ in range(2)] == [101, 111]


def test_other_addresses_are_not_held_responsible_until_all_are_too_many() -> None:
    house = House(each=2, total=3)
    assert [house.attempt(WRONG) for _ in range(3)] == [101, 101, 111]
    assert house.attempt(GOOD, "10.0.0.2") == 0
    assert house.attempt(WRONG, "10.0.0.2") == 101
    assert house.attempt(GOOD, "10.0.0.3") == 111


def test_who_guesses_shuts_out_nobody_who_was_in() -> None:
    house = House(each=1, total=2)
    house.access.known = {GOOD, REVOKED}
    assert [house.attempt(WRONG) for _ in range(3)] == [101, 111, 111]
    assert [house.attempt(token) for token in (GOOD, REVOKED, EXPIRED)] == [0, 101, 111]
    assert house.attempt(WRONG) == 111


@pytest.mark.parametrize("token", [EXPIRED, REVOKED, GOOD])
def test_what_was_right_once_is_no_guess(token: str) -> None:
    house = House(each=1)
    for _ in range(10):
        house.attempt(token)
    assert house.attempt(GOOD) == 0


def test_the_refusal_says_when_to_come_back() -> None:
    house = House(each=1)
    house.attempt(WRONG)
    house.now_s = 1.5
    with pytest.raises(TooManyWrongTokens, match="try again in 59 s") as refused:
        house.attempts.verify(GOOD, address="10.0.0.1")
    assert (refused.value.wait_s, refused.value.temporary) == (59, True)


@pytest.mark.parametrize(("anonymous", "counts"), [(None, True), (Scope.VIEW, True), (Scope.ADMIN, False)])
def test_a_cookie_counts_where_somebody_could_gain_by_trying(anonymous: Scope | None, counts: bool) -> None:
    house = House(each=2)
    house.access.anonymous = None if anonymous is None else Grant(anonymous)
    for _ in range(5):
        assert house.attempts.verify_cookie(WRONG, address="10.0.0.1") is None
    assert (house.attempts.verify_cookie(GOOD, address="10.0.0.1") is None) == counts
    assert house.attempts.verify_cookie(GOOD, address="10.0.0.2") == Grant(Scope.VIEW)

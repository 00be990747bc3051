"""The models of commands are their own documentation."""

from __future__ import annotations

import pytest

from vitalcast.core.wire.commands import MODELS, Since


@pytest.mark.parametrize("model", [*MODELS.values(), Since], ids=lambda model: model.__name__)
def test_every_field_says_what_it_is(model: type[Since]) -> None:
    assert {name for name, field in model.model_fields.items() if not field.description} <= {"type"}
    assert model.__doc__

"""What starts the server, apart from its sockets, which the tests with real processes cover."""

from __future__ import annotations

from pydantic import BaseModel, create_model

from vitalcast.web.server import models_when_used


def test_models_of_the_block_are_built_when_they_are_used_and_later_ones_at_once() -> None:
    with models_when_used():
        late = create_model("late", port=(int, ...))
    soon = create_model("soon", port=(int, ...))
    assert (late.__pydantic_complete__, soon.__pydantic_complete__) == (False, True)
    assert late.model_validate({"port": "8000"}).model_dump() == {"port": 8000}
    assert late.__pydantic_complete__
    assert "defer_build" not in BaseModel.model_config

"""What starts the server, apart from its sockets, which the tests with real processes cover."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from pydantic import BaseModel, create_model

from vitalcast.web.serve import models_when_used
from vitalcast.web.serving.logs import log_printable


@pytest.fixture
def log() -> Iterator[logging.Logger]:
    usual = logging.getLogRecordFactory()
    log_printable()
    yield logging.getLogger("test.names")
    logging.setLogRecordFactory(usual)


def test_what_a_log_line_tells_of_stands_there_as_it_reads(
    log: logging.Logger, caplog: pytest.LogCaptureFixture
) -> None:
    log.warning("%s left %r after %d s and %.1f MiB", "br\x1b[2J\u202e0", ValueError("a\nb"), 3, 0.25)
    assert caplog.messages == [r"br\x1b[2J\u202e0 left ValueError('a\nb') after 3 s and 0.2 MiB"]


def test_a_fault_that_quotes_a_name_is_told_as_it_reads(log: logging.Logger, caplog: pytest.LogCaptureFixture) -> None:
    try:
        raise ValueError("br\x1b[2J\udcff")
    except ValueError:
        log.exception("it failed")
    told = "".join(logging.Formatter().format(record) for record in caplog.records)
    assert told.endswith(r"ValueError: br\x1b[2J\xff")
    assert "\nTraceback (most recent call last):\n" in told


def test_models_of_the_block_are_built_when_they_are_used_and_later_ones_at_once() -> None:
    with models_when_used():
        late = create_model("late", port=(int, ...))
    soon = create_model("soon", port=(int, ...))
    assert (late.__pydantic_complete__, soon.__pydantic_complete__) == (False, True)
    assert late.model_validate({"port": "8000"}).model_dump() == {"port": 8000}
    assert late.__pydantic_complete__
    assert "defer_build" not in BaseModel.model_config

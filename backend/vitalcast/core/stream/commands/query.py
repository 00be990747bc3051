"""`query`: how some series, a panel, or the processes were in the past."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from vitalcast.core.metrics.names import Selection
from vitalcast.core.metrics.timeline import Timeline
from vitalcast.core.processes.answer import ProcessRequest, check_request
from vitalcast.core.processes.course import COURSE_POINTS, COURSE_ROWS_MAX
from vitalcast.core.query.ask import ask
from vitalcast.core.query.limits import QueryLimits
from vitalcast.core.query.past import Past
from vitalcast.core.query.query import Query as Question
from vitalcast.core.query.query import Result
from vitalcast.core.query.who import course_between, who_at, who_between
from vitalcast.core.stream.commands.checks import (
    check_known,
    check_table,
    divisor_of,
    granted,
    named_panel,
    wrong_for_panel,
)
from vitalcast.core.stream.conversation import Conversation
from vitalcast.core.stream.deferred import Deferred, Prepare, replaced
from vitalcast.core.stream.grants import NAMING_TABLE
from vitalcast.core.stream.results import columns_json, processes_message, result_json
from vitalcast.core.vocabulary import ErrorCode, Reduce
from vitalcast.core.wire.bounds import POINTS
from vitalcast.core.wire.commands import Query
from vitalcast.core.wire.messages import Message, reply
from vitalcast.errors import ProtocolError

BYTES_A_MESSAGE = 100_000  # an answer counts as one message more for each so many bytes
OF_TABLES = frozenset({"table", "at", "sort", "order", "filter", "limit", "keys"})
OF_PANELS = frozenset({"panel", "lines"})
OF_SERIES = frozenset({"metrics", "where", "group_by", "reduce", "ratio_to", "top"})
OF_VALUES = frozenset({"points", "step", "aggregate", "shift"})


def query(conversation: Conversation, command: Query) -> list[Message]:
    """Have a question about the past answered in a thread; of the same stream only the newest is."""
    if command.table is not None:
        of_values = OF_VALUES - {"points"} if command.keys else OF_VALUES
        _check_fields(command, "table", OF_PANELS | OF_SERIES | of_values)
        prepare = _processes(conversation, command)
    elif command.panel is not None:
        _check_fields(command, "panel", OF_TABLES | OF_SERIES)
        prepare = _panel(conversation, command, command.panel)
    else:
        _check_fields(command, "metrics", OF_TABLES | OF_PANELS)
        prepare = _series(conversation, command)
    return _defer(conversation, command, prepare)


def _check_fields(command: Query, what: str, others: frozenset[str]) -> None:
    """Raise ProtocolError for fields that do not go with what is asked for."""
    if beside := sorted(given(command) & others):
        why = f"{', '.join(beside)}: does not go with {what}; leave this out, or {what}"
        raise ProtocolError(ErrorCode.BAD_REQUEST, why)


def given(command: Query) -> set[str]:
    """Return the fields that a client gave, null being none."""
    return {name for name in command.model_fields_set if getattr(command, name) is not None}


def _defer(conversation: Conversation, command: Query, prepare: Prepare) -> list[Message]:
    grant = conversation.grant

    def then(outcome: Message | ProtocolError) -> list[Message]:
        if isinstance(outcome, ProtocolError):
            raise outcome
        if conversation.grant != grant:
            raise ProtocolError(ErrorCode.DENIED, "the token has changed since this was asked; ask again")
        size = len(outcome.payload)
        conversation.afford(size, size / BYTES_A_MESSAGE)
        return [outcome]

    deferred = Deferred(prepare=prepare, then=then, id=command.id, stream=command.stream)
    before = conversation.deferrals.replace(command.stream) if command.stream is not None else None
    messages = [conversation.refuse(before.id, replaced(command.stream or ""))] if before is not None else []
    conversation.deferrals.add(deferred)
    return messages


def _range(conversation: Conversation, command: Query) -> tuple[int, int]:
    """Return the range that is asked for, as far back as the caller may look. Raises ProtocolError."""
    now_ms = conversation.now_ms()
    end_ms = now_ms if command.end is None else command.end
    if command.start is None:
        raise ProtocolError(ErrorCode.BAD_REQUEST, "start: is missing; give Unix milliseconds")
    if command.start >= end_ms:
        raise ProtocolError(ErrorCode.BAD_REQUEST, f"start: {command.start} is not before end, {end_ms}")
    shift_ms = round(command.shift * 1000)
    return conversation.grant.start_ms(command.start, end_ms, now_ms, shift_ms=shift_ms), end_ms


def _resolution(command: Query) -> tuple[int | None, int | None]:
    """Return points, or a step in milliseconds. Raises ProtocolError where both are given."""
    if command.step is None:
        return command.points or POINTS, None
    if command.points is not None:
        raise ProtocolError(ErrorCode.BAD_REQUEST, "points, step: give one of them")
    return None, round(command.step * 1000)


def _about(timeline: Timeline, command: Query) -> dict[str, object]:
    """Return what an answer repeats of the question."""
    named: dict[str, object] = {} if command.stream is None else {"stream": command.stream}
    return named | {"source": timeline.id}


# --- series ------------------------------------------------------------------------------------------------------


def _series(conversation: Conversation, command: Query) -> Prepare:
    selection = granted(command.selection(), conversation.grant)
    timeline = conversation.source(command.host)
    check_known(selection, timeline)
    divisor = divisor_of(command.ratio_to, timeline, conversation.grant)
    question = replace(_question(conversation, command, selection), ratio_to=divisor)
    limits = query_limits(conversation)
    about = _about(timeline, command)

    def prepare() -> Callable[[Past], Message]:
        read = ask(timeline, question, limits)
        return lambda past: _result_message(command.id, about, question, read(past))

    return prepare


def _question(conversation: Conversation, command: Query, selection: Selection) -> Question:
    start_ms, end_ms = _range(conversation, command)
    points, step_ms = _resolution(command)
    conversation.grant.check_step(step_ms)
    group_by = command.group_by if command.group_by is not None or command.reduce is None else []
    return Question(
        selection=selection,
        start_ms=start_ms,
        end_ms=end_ms,
        points=points,
        step_ms=step_ms,
        aggregates=command.aggregates(),
        group_by=None if group_by is None else tuple(dict.fromkeys(group_by)),
        reduce=Reduce(command.reduce or "sum"),
        top=command.top,
        shift_ms=round(command.shift * 1000),
        hidden_ms=conversation.grant.hidden_ms(conversation.now_ms()),
        step_min_ms=conversation.grant.interval_min_ms,
    )


def query_limits(conversation: Conversation) -> QueryLimits:
    """Return what one answer may take."""
    return QueryLimits(values=conversation.hub.limits.snapshot_values)


def _result_message(id_: int | str | None, about: dict[str, object], question: Question, result: Result) -> Message:
    columns = columns_json(result.described, result.times_ms, result.values)
    ends = {"start": question.start_ms, "end": question.end_ms}
    return reply("result", id_, **about, **ends, **result_json(result), **columns)


# --- panels ------------------------------------------------------------------------------------------------------


def _panel(conversation: Conversation, command: Query, panel_id: str) -> Prepare:
    named = named_panel(panel_id, conversation.hub, conversation.grant)
    timeline, panels = conversation.source(command.host), conversation.hub.panels
    assert panels is not None  # by whom it is named
    panel = panels.over_past(timeline, panel_id, named=named, all_lines=command.lines == "all")
    if (wrong := wrong_for_panel(command.aggregates())) is not None:
        raise ProtocolError(ErrorCode.BAD_REQUEST, wrong)
    question = _question(conversation, command, panel.selection)
    limits = query_limits(conversation)
    about = _about(timeline, command)

    def prepare() -> Callable[[Past], Message]:
        read = ask(timeline, replace(question, aggregates=panel.to_ask(question.aggregates)), limits)

        def work(past: Past) -> Message:
            result = read(past)
            series, values, head = panel.shown(
                result.series, result.times_ms, result.values, result.step_ms, question.aggregates
            )
            shown = replace(result, series=series, values=values, aggregates=question.aggregates)
            return _result_message(command.id, about | head, question, shown)

        return work

    return prepare


# --- processes ---------------------------------------------------------------------------------------------------


def _processes(conversation: Conversation, command: Query) -> Prepare:
    assert command.table is not None
    check_table(command.table, conversation.grant)
    if command.table != NAMING_TABLE:
        why = f"table: {command.table!r} has no past; only {NAMING_TABLE!r} is recorded"
        raise ProtocolError(ErrorCode.UNKNOWN_METRIC, why)
    timeline = conversation.source(command.host)
    if timeline is not conversation.hub.sources.home:
        raise ProtocolError(ErrorCode.UNKNOWN_METRIC, "host: only of this machine are processes recorded")
    most = conversation.hub.limits.table_rows
    if command.limit > most:
        raise ProtocolError(ErrorCode.LIMIT, f"limit: at most {most} rows")
    table = timeline.tables.get(command.table)
    request = ProcessRequest(
        sort=command.sort or "cpu",
        descending=None if command.order is None else command.order == "descending",
        filter=command.filter,
        limit=command.limit,
        command=table is not None and any(column["name"] == "command" for column in table.columns),
    )
    about = _about(timeline, command)
    if command.keys is not None:
        return _course(conversation, command, command.keys, about)
    if command.at is not None:
        return _at(conversation, command, command.at, request, about)
    _check(request, window=True)
    start_ms, end_ms = _range(conversation, command)

    def work(past: Past) -> Message:
        answer = who_between(past, start_ms, end_ms, request)
        return processes_message(command.id, answer, about)

    return lambda: work


def _course(conversation: Conversation, command: Query, keys: Sequence[int | str], about: dict[str, object]) -> Prepare:
    """Prepare the answer about some processes."""
    pids = frozenset(key for key in keys if isinstance(key, int))
    if len(pids) < len(set(keys)):
        raise ProtocolError(ErrorCode.BAD_REQUEST, "keys: those of 'processes' are numbers, its column 'pid'")
    if beside := sorted(given(command) & {"at", "sort", "order", "filter", "limit"}):
        raise ProtocolError(ErrorCode.BAD_REQUEST, f"{', '.join(beside)}: does not go with keys; leave this out")
    start_ms, end_ms = _range(conversation, command)
    points = command.points or COURSE_POINTS
    if len(pids) > 1 and len(pids) * points > COURSE_ROWS_MAX:
        raise ProtocolError(ErrorCode.LIMIT, f"points: at most {COURSE_ROWS_MAX // len(pids)} for {len(pids)} keys")

    def work(past: Past) -> Message:
        return processes_message(command.id, course_between(past, pids, start_ms, end_ms, points), about)

    return lambda: work


def _at(
    conversation: Conversation, command: Query, at_ms: int, request: ProcessRequest, about: dict[str, object]
) -> Prepare:
    _check(request, window=False)
    if beside := sorted(given(command) & {"start", "end"}):
        raise ProtocolError(
            ErrorCode.BAD_REQUEST, f"{', '.join(beside)}: does not go with at; give a moment or a range"
        )
    conversation.grant.start_ms(at_ms - 1, at_ms, conversation.now_ms())
    hidden_ms = conversation.grant.hidden_ms(conversation.now_ms())

    def work(past: Past) -> Message:
        answer = who_at(past, at_ms, request, hidden_ms=hidden_ms)
        return processes_message(command.id, answer, about)

    return lambda: work


def _check(request: ProcessRequest, *, window: bool) -> None:
    try:
        check_request(request, window=window)
    except ValueError as error:
        raise ProtocolError(ErrorCode.BAD_REQUEST, str(error)) from None

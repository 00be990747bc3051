"""`hello`: who the caller is, and what changes with that."""

from __future__ import annotations

from vitalcast.core.metrics.timeline import Timeline
from vitalcast.core.stream.commands.checks import check_granted
from vitalcast.core.stream.conversation import Conversation
from vitalcast.core.stream.grants import Grant
from vitalcast.core.vocabulary import VERSION, CloseCode
from vitalcast.core.wire.commands import Hello
from vitalcast.core.wire.messages import SCHEMA_VERSION, Message, reply
from vitalcast.errors import AccessError, ProtocolError


def hello(conversation: Conversation, command: Hello) -> list[Message]:
    """Take over what a token grants. A token that lets nobody in ends the socket."""
    before = conversation.caller.grant
    if command.token is not None:
        conversation.caller = conversation.caller._replace(grant=_verified(conversation, command.token))
    grant = conversation.grant
    messages = [reply("ack", command.id, scope=grant.scope.value, expires=grant.expires_ms)]
    if before is None:
        return [*messages, welcome(conversation)]
    return messages + withdraw(conversation, grant)


def _verified(conversation: Conversation, token: str) -> Grant:
    try:
        return conversation.verify(token, conversation.caller)
    except AccessError as error:
        if not error.temporary:
            code = CloseCode.REVOKED if error.revoked else CloseCode.BAD_TOKEN
            conversation.ending = (code, error.message)
        raise


def withdraw(conversation: Conversation, grant: Grant) -> list[Message]:
    """End the streams that a new grant does not cover; return the errors that say so."""
    messages = []
    for name, stream in list(conversation.streams.items()):
        try:
            check_granted(stream.key, conversation.hub, grant)
        except ProtocolError as error:
            conversation.end(name)
            messages.append(conversation.refuse(None, error, stream=name))
    return messages


def _about(timeline: Timeline, grant: Grant) -> dict[str, object]:
    """Return what is so of the source that is meant where none is named."""
    about = {
        "epoch": timeline.epoch,
        "source": timeline.id,
        "host": timeline.name,
        "interval": max(timeline.interval_ms, grant.interval_min_ms) / 1000,
        "interval_min": max(timeline.interval_min_ms, grant.interval_min_ms) / 1000,
    }
    attributes = dict(timeline.resource.attributes)
    return about | {"resource": attributes} if attributes and grant.sees_names else about


def welcome(conversation: Conversation) -> Message:
    """Return what a protocol socket gets first: what a client has to know, or that a token is needed for it."""
    grant, source = conversation.caller.grant, conversation.hub.sources.default
    about = {"version": VERSION, "time": conversation.now_ms(), "heartbeat": conversation.heartbeat_s}
    if grant is None:
        return reply("welcome", None, **about, auth="required")
    return reply(
        "welcome",
        None,
        **about,
        **(_about(source, grant) if source is not None else {"host": None}),
        limits=conversation.hub.limits.public(),
        dashboards=conversation.dashboards(),
        schema=SCHEMA_VERSION,
    )

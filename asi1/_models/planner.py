"""
The agents that the server's planner has used for an answer.

The nesting of the planner's objects is not documented, so all of them are searched for
``agent_used``. The complete objects are in ``extra`` of the answer or chunk.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from attrs import frozen

from .base import Model, as_sent
from .base_types import JSON, public


__all__ = ["AgentUsed", "agents_in"]

# JSON keys beside ``agent_used``, each with the field of `AgentUsed` for its value.
_BESIDE = {
    "agent_response": "response",
    "status": "status",
    "agent_session_id": "session_id",
}
_NUMBERS = {"agent_rating": (int, float), "agent_interactions": (int,)}


@public
@frozen(kw_only=True)
class AgentUsed(Model):
    """
    An agent that the server's planner has used. A field is None if the server did not
    send it.

    Attributes:
        agent_name: The agent's name.
        agent_address: The agent's address, ``agent1...``.
        agent_rating: The agent's rating.
        agent_interactions: How often the agent was used, by all users.
        response: What the agent answered, as the server sent it.
        status: The status of the agent's task, such as "completed".
        session_id: The id of the session with the agent.
    """

    agent_name: str | None = None
    agent_address: str | None = None
    agent_rating: float | None = None
    agent_interactions: int | None = None
    response: JSON = None
    status: str | None = None
    session_id: str | None = None


_FIELDS = {a.name for a in attrs.fields(AgentUsed) if a.init} - {"extra", "wire"}


def agents_in(value: JSON) -> tuple[AgentUsed, ...]:
    """Return all agents in a JSON value, in the order in which they occur."""
    return tuple(_agents(value))


def _agents(value: JSON) -> Iterator[AgentUsed]:
    if isinstance(value, Mapping):
        used = value.get("agent_used")
        for agent in used if isinstance(used, list) else [used]:
            if isinstance(agent, Mapping):
                yield _agent(agent, value)
        for name, item in value.items():
            if name != "agent_used":
                yield from _agents(item)
    elif isinstance(value, list):
        for item in value:
            yield from _agents(item)


def _agent(used: Mapping[str, JSON], around: Mapping[str, JSON]) -> AgentUsed:
    fields: dict[str, Any] = {}
    extra: dict[str, JSON] = {}
    beside = {_BESIDE[key]: around[key] for key in _BESIDE if key in around}
    own = {_BESIDE.get(key, key): item for key, item in used.items()}
    for name, item in {**beside, **own}.items():
        if name in _FIELDS and _fits(name, item):
            fields[name] = item
        elif name in own:
            extra[name] = item
    return as_sent(AgentUsed(**fields, extra=extra, wire=used))


def _fits(name: str, value: JSON) -> bool:
    if name == "response":
        return True
    if value is None or isinstance(value, bool):
        return value is None
    return isinstance(value, _NUMBERS.get(name, str))

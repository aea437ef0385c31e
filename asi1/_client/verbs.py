"""``client.get``, ``post``, ``put``, ``patch``, ``delete``, as in OpenAI's client."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from typing import Any

from .._models.base_types import JSON
from .._models.raw import RawReply
from .._settings.validators import not_given, wrong


__all__ = ["send"]

# OpenAI's names of request options, with asi1's names.
_OPTIONS: Mapping[Any, str] = {
    "extra_json": "extra_body",
    "headers": "extra_headers",
    "params": "extra_query",
}


def send(
    client: Any,
    method: str,
    path: object,
    *,
    body: JSON,
    cast_to: object,
    options: Any,
    more: Mapping[str, Any],
) -> Any:
    """
    Call ``client.request``, and return its result as *cast_to*.

    For an async client, return a coroutine that does both.

    Raises:
        ArgumentError: An argument is wrong; nothing was sent.
        Exception: The class *cast_to* raised it, such as a ``ValidationError``.
    """
    options = {} if not_given(options) else options
    if not isinstance(options, Mapping):
        raise wrong("options", "must be a dict", options)
    given = {_OPTIONS.get(name, name): value for name, value in options.items()}
    given.update(more)
    if "json" in given:
        raise wrong("json", "is called body here", given["json"])
    if isinstance(path, str) and not path.startswith("/"):
        path = f"/{path}"
    json = None if not_given(body) else body
    reply = client.request(method, path, json=json, **given)
    if isinstance(reply, RawReply):
        return _cast(reply, cast_to)
    return _cast_later(reply, cast_to)


async def _cast_later(reply: Coroutine[Any, Any, RawReply], cast_to: object) -> Any:
    return _cast(await reply, cast_to)


def _cast(reply: RawReply, cast_to: Any) -> Any:
    kind = getattr(cast_to, "__origin__", cast_to)  # `dict` for ``dict[str, object]``
    if kind in (dict, list, object):
        return reply.json()
    if kind is str:
        return reply.text
    if kind is bytes:
        return reply.content
    if hasattr(kind, "model_validate"):
        return kind.model_validate(reply.json())
    return reply

"""
Reads the chunk in a server-sent event.

An event with data that is neither a chunk nor a ping becomes an error, with the message
that the server sent in the event.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from .._models.base_types import JSON
from .._models.chunks import ChatCompletionChunk
from .._models.errors import ServerStreamError, StreamDecodeError, StreamError
from .._models.json_text import has_surrogates, load_json, replace_surrogates_in
from .._settings.secret import Secret
from .converter import decode
from .error_body import find_error, read_error_body
from .members import is_sign_of_life
from .normalise import HalfCharacters
from .reply import MOST_CHOICES


__all__ = ["event_value", "is_done", "read_event"]


def is_done(data: bytes) -> bool:
    """Return whether an event's data is ``[DONE]``, which ends the stream."""
    return data.strip() == b"[DONE]"


def read_event(
    name: str, data: bytes, key: Secret, halves: HalfCharacters | None = None
) -> ChatCompletionChunk | None:
    """Same as `event_value`, but return the chunk as a model."""
    value = event_value(name, data, key, halves=halves)
    return None if value is None else decode(ChatCompletionChunk, value)


def event_value(
    name: str,
    data: bytes,
    key: Secret,
    load: Callable[[bytes], JSON] | None = None,
    halves: HalfCharacters | None = None,
) -> Mapping[str, JSON] | None:
    """
    Return the chunk in one event as a JSON object; None for an event without a chunk.

    An event without data has no chunk, and neither has an event with a name of its own
    whose data is not JSON, such as a ping. But data that begins like JSON counts as a
    chunk: if the data is cut off, a part of the answer is lost.

    Args:
        name: The event's type, "message" if it has none.
        data: The event's data lines, joined by newlines.
        key: The API key, which is redacted from excerpts in an error.
        load: Parses *data*.
        halves: Joins surrogate pairs that the server has split; not used with *load*.

    Raises:
        ServerStreamError: The event reports an error.
        StreamDecodeError: The event is not a chunk. In both errors, the caller must set
            ``partial``.
    """
    is_error, own_name = name.lower() == "error", name != "message"
    start = data.lstrip()[:1]
    if not is_error and (not start or (own_name and start not in (b"{", b"["))):
        return None
    if halves is not None and not (halves.waiting or has_surrogates(data)):
        halves = None
    try:
        value = load(data) if load else _event_value(data, surrogates=bool(halves))
    except ValueError as error:
        if is_error:
            text = data.decode("utf-8", "replace").strip()
            raise ServerStreamError(
                text or "an error without a message",
                body=text,
                retryable=read_error_body(text, key).passing,
            ) from None
        raise _decode_error(f"is not valid JSON ({error})", data, key) from None
    problem = _event_error(value, name, data, key)
    if problem is not None and halves is not None:
        problem = _event_error(replace_surrogates_in(value), name, data, key)
    if problem is not None:
        raise problem
    return value if halves is None else halves.join(value)


def _event_error(
    value: JSON, name: str, data: bytes, key: Secret
) -> StreamError | None:
    """Return the error for an event with an error or without a chunk; else None."""
    is_error, found = name.lower() == "error", None
    if isinstance(value, dict):
        named = name != "message" or is_sign_of_life(value)
        found = find_error(value, event=True, named=named)
    if is_error or found is not None:
        told = read_error_body(value if found is None else found, key)
        return ServerStreamError(
            told.message or "an error without a message",
            code=told.code,
            type=told.type,
            param=told.param,
            body=value,
            retryable=told.passing,
        )
    if not isinstance(value, dict):
        return _decode_error("is not a JSON object", data, key)
    choices = value.get("choices")
    if choices is not None and not _all_objects(choices):
        return _decode_error("has choices that are not a list of objects", data, key)
    return None


def _event_value(data: bytes, *, surrogates: bool = False) -> JSON:
    try:
        return load_json(data, surrogates=surrogates)
    except ValueError:
        # Event streams must be UTF-8, so bytes that are not valid UTF-8 become U+FFFD.
        text = data.decode("utf-8", "replace").encode()
        if text == data:
            raise
        return load_json(text, surrogates=surrogates)


def _all_objects(choices: JSON) -> bool:
    if not isinstance(choices, list) or len(choices) > MOST_CHOICES:
        return False
    return all(choice is None or isinstance(choice, dict) for choice in choices)


def _decode_error(problem: str, data: bytes, key: Secret) -> StreamDecodeError:
    snippet = key.excerpt(data.decode("utf-8", "replace"), 200)
    return StreamDecodeError(f"an event of the stream {problem}", snippet=snippet)

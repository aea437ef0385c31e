"""
The commonest chunks, read at a glance.

Nearly every chunk of a stream adds a piece of text or of thoughts to choice 0 and says
nothing else, and is, but for that piece, the same bytes as the one before. What is
needed of it while it passes is taken here, and the rest is read when it is asked for.
Whatever needs a closer look is left to the converter: a test holds that both ways give
the same chunk.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from attrs import define, field, frozen

from .._models.chunks import ChatCompletionChunk, Glance, glanced
from .._models.json_text import peek_json


__all__ = ["Glancer"]

_TEXT = (str, type(None))
_COUNT = (int, type(None))
_TOP = {
    *("id", "model", "object", "created", "choices", "thought", "usage"),
    *("executable_data", "conversation_id"),
}
_CHOICE = {"index", "delta", "finish_reason", "stop_reason"}
_DELTA = {"role", "content", "refusal", "tool_calls"}
# What is read otherwise by `peek_json` than by `load_json` is not among these types.
_FLAT = (str, int, bool, type(None))
# Bytes of the largest one. What is larger is no piece of text.
_LARGEST = 64 * 1024


@define
class Glancer:
    """Reads the chunks of one stream, and remembers the form of the last one."""

    _form: "_Form | None" = field(default=None, init=False)

    def look(self, data: bytes) -> ChatCompletionChunk | None:
        """Return the chunk that an event's data is; None if it needs a closer look."""
        if self._form is not None:
            chunk = self._form.read(data)
            if chunk is not None:
                return chunk
        if len(data) > _LARGEST:
            return None
        try:
            raw: Any = peek_json(data)
            (choice,) = raw["choices"]
            thought = raw.get("thought") or ""
            glance = _glance(raw, choice, choice["delta"])
        except (ValueError, TypeError, LookupError, AttributeError):
            return None
        if glance is None:
            return None
        self._form = _form(data, thought, glance) or self._form
        return glanced(thought, glance, raw)


def _glance(raw: Any, choice: Any, delta: Any) -> Glance | None:
    """Return what a chunk adds if it adds but a piece; raise, or None, for another."""
    text = delta["content"]
    created = raw.get("created")
    extra = {key: raw[key] for key in _unknown(tuple(raw))}
    more = {key: value for key, value in choice.items() if key not in _CHOICE}
    regular = (
        not raw.get("error")
        and choice.get("finish_reason") is None
        and choice.get("stop_reason") is None
        and type(choice.get("index")) in _COUNT
        and not choice.get("index")
        and delta.keys() <= _DELTA
        and delta.get("role", "assistant") == "assistant"
        and delta.get("refusal") is None
        and delta.get("tool_calls") is None
        and raw.get("usage") is None
        and raw.get("conversation_id") is None
        and raw.get("executable_data") in (None, [])
        and type(text) in _TEXT
        and type(created) in _COUNT
        and all(type(raw.get(k)) in _TEXT for k in ("id", "model", "object", "thought"))
        and all(type(v) in _FLAT or v == [] for v in (*extra.values(), *more.values()))
    )
    return (text or "", created, extra, more, None) if regular else None


@lru_cache(maxsize=256)  # servers have their habits
def _unknown(keys: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(key for key in keys if key not in _TOP)


@frozen
class _Form:
    """
    The bytes of a chunk around its piece, and around its time if it tells one.

    Attributes:
        head: What stands before both.
        middle: What stands between them; None if there is no time.
        tail: What stands after both.
        start: Where the first of both begins.
        stop: Where the second ends, counted from the end.
        shortest: How many bytes there are at least.
        time: What it tells.
        earliest: The smallest number with as many digits as the time has.
        timed_first: Whether the time stands before the piece.
        thinks: Whether the piece is of thoughts.
        glance: Of the chunk whose form it is.
    """

    head: bytes
    middle: bytes | None
    tail: bytes
    start: int
    stop: int
    shortest: int
    time: bytes
    earliest: bytes
    timed_first: bool
    thinks: bool
    glance: Glance

    def read(self, data: bytes) -> ChatCompletionChunk | None:
        """Return the chunk of this form; None for any other data."""
        if not (
            data.startswith(self.head)
            and data.endswith(self.tail)
            and len(data) >= self.shortest
        ):
            return None
        piece = data[self.start : self.stop]
        if self.middle is not None:
            time, _, piece = piece.partition(self.middle)
            if not self.timed_first:
                time, piece = piece, time
            if time != self.time and not self._is_time(time):
                return None
        try:
            text = piece.decode()
        except UnicodeDecodeError:
            return None
        # An escape has to be read, and a control character may not stand in JSON.
        if not text.isprintable() or '"' in text or "\\" in text:
            return None
        _, created, extra, more, _ = self.glance
        if self.thinks:
            return glanced(text, ("", created, extra, more, data))
        return glanced("", (text, created, extra, more, data))

    def _is_time(self, time: bytes) -> bool:
        earliest = self.earliest
        return len(time) == len(earliest) and time >= earliest and time.isdigit()


def _form(data: bytes, thought: str, glance: Glance) -> _Form | None:
    """Return the form of a regular chunk; None if its bytes do not show it clearly."""
    text, created, *_ = glance
    if text and thought:
        return None
    time = b"%d" % (created or 0)
    key, value = (b"thought", thought) if thought else (b"content", text)
    holes = [*_places(data, key, b'"%b"' % value.encode("utf-8", "replace"))]
    if created:
        holes += _places(data, b"created", time)
    if len(holes) != (2 if created else 1):
        return None
    holes[0] = (holes[0][0] + 1, holes[0][1] - 1)  # the quotes stay
    first, last = min(holes), max(holes)
    return _Form(
        head=data[: first[0]],
        middle=data[first[1] : last[0]] if created else None,
        tail=data[last[1] :],
        start=first[0],
        stop=last[1] - len(data),
        shortest=len(data) - (holes[0][1] - holes[0][0]),
        time=time,
        earliest=b"1" + b"0" * (len(time) - 1),
        timed_first=first is not holes[0],
        thinks=bool(thought),
        glance=glance,
    )


def _places(data: bytes, key: bytes, value: bytes) -> Iterator[tuple[int, int]]:
    """Yield where *value* stands if *key*, and with it *value*, stands there once."""
    quoted = b'"%b":' % key
    for token in (quoted + value, quoted + b" " + value):
        if data.count(quoted) == 1 == data.count(token):
            end = data.index(token) + len(token)
            yield end - len(value), end

"""Reads an answer that is one JSON object: the base of all readers of answers."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Generator
from typing import TypeAlias, TypeVar

from attrs import define, field

from .._fork_lock import run_apart_once
from .._log import logger
from .._models.base_types import JSON
from .._models.completion import ChatCompletion
from .._models.errors import (
    APIConnectionError,
    APIError,
    APIResponseError,
    StreamInterruptedError,
)
from .._models.json_text import load_json
from .._models.response import ResponseInfo, Usage
from .._protocol.converter import decode, decode_in_steps
from .._protocol.reply import BOM, answer_value, body_kind
from .._transport.event_loop import run_in_turns
from .reply_reader import Body, ReplyReader


__all__ = ["JSONReader", "Load", "in_steps"]

# Maximum bytes of a JSON body that is parsed in one step, and not in several.
_SMALL = 32 * 1024

_T = TypeVar("_T")
Load: TypeAlias = Callable[[bytes], JSON]


@run_apart_once
def in_steps() -> Callable[..., Generator[None, None, Callable[[bytes], JSON]]]:
    """Import and return `loader_in_steps`, which only large events and bodies need."""
    from .._models.json_steps import loader_in_steps  # noqa: PLC0415

    return loader_in_steps


def _is_complete(value: JSON) -> bool:
    """
    Whether *value* is a whole body: an error, or choices that all have finish reasons.

    False for the first object of a body of JSON lines, which has no finish reason.
    """
    if not isinstance(value, dict):
        return False
    choices = value.get("choices")
    if not isinstance(choices, list) or not choices:
        return bool(value.get("error"))
    return all(isinstance(c, dict) and c.get("finish_reason") for c in choices)


@define(eq=False, repr=False)
class JSONReader(ReplyReader[_T]):
    """Reads an answer that comes as JSON; `read_events` reads any other body."""

    _answer: ChatCompletion | None = field(default=None, init=False)

    @property
    def whole(self) -> bool:
        """Whether the answer is complete."""
        return self._answer is not None

    @property
    def usage(self) -> Usage | None:
        """The tokens that the server has reported; None if it has reported none."""
        return self._answer.usage if self._answer else None

    @property
    def model(self) -> str:
        """The name of the answering model; "" until the server has sent it."""
        return self._answer.model if self._answer else ""

    def answer(self) -> ChatCompletion:
        """Return the part of the answer that has arrived."""
        return self._answer or ChatCompletion()

    @abstractmethod
    async def read_events(self, head: bytes, pieces: Body) -> None:
        """Read a body that should be server-sent events: *head*, then *pieces*."""

    def _complete(self, info: ResponseInfo) -> ChatCompletion:
        """Return the complete answer, with its metadata."""
        answer = self.answer()
        self._warn_if_exhausted(answer)
        # Changed in place, since only this reader has the answer, and `attrs.evolve`
        # would take far longer.
        object.__setattr__(answer, "response", info)
        return answer

    def _warn_if_exhausted(self, answer: ChatCompletion) -> None:
        if answer.exhausted:
            # The log shows the URL without its query, which may contain secrets.
            url = self.request.url.partition("?")[0]
            logger.warning(
                "%s %s: the model's thoughts used all tokens of the answer, which has"
                " no text; raise max_tokens, or lower thinking_budget",
                self.request.method,
                url,
            )

    def _broken(self, error: APIConnectionError | APIResponseError) -> APIError:
        if self.begun:
            return StreamInterruptedError(error.message)
        return super()._broken(error)

    async def _read_body(self, pieces: Body) -> None:
        content_type = self.info.headers.get("content-type", "")
        kind, head = body_kind(content_type, b""), b""
        if kind == "other":
            head = await anext(pieces, b"")
            kind = body_kind(content_type, head)
        if kind == "events":
            self.opened.set()
            await self.read_events(head, pieces)
        else:
            body = await self._rest(pieces, head)
            if self._answer is None:
                await self._read_answer(body)

    async def _read_early(self, body: bytes) -> bool:
        try:
            value = (await self._loaded(body))(body.removeprefix(BOM))
        except ValueError:
            return False
        if not _is_complete(value):
            return False
        await self._read_answer(body, lambda _: value)
        return True

    async def _read_answer(self, body: bytes, load: Load | None = None) -> None:
        """Read a JSON answer; a server may send one even if a stream was requested."""
        try:
            self._answer = await self._answer_of(body, load)
        except APIResponseError as error:
            self._set_wait(error)
            raise

    async def _loaded(self, body: bytes) -> Load:
        """
        Return a function that returns the parsed *body*; a large body is parsed here,
        in steps between which other tasks run.
        """
        if len(body) <= _SMALL:
            return load_json
        return await run_in_turns(in_steps()(body.removeprefix(BOM)))

    async def _answer_of(self, body: bytes, load: Load | None) -> ChatCompletion:
        load = load or await self._loaded(body)
        value = answer_value(self.info, body, self.key, load)
        if len(body) <= _SMALL:
            answer = decode(ChatCompletion, value)
        else:
            answer = await run_in_turns(decode_in_steps(ChatCompletion, value))
        return answer

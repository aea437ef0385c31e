"""``client.chat.completions.parse``: answers that become values of a Python type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, Unpack, overload

from .._call.engine import Engine
from .._models.messages import Messages
from .._settings.options import ParseOptions
from .lazy import loader


if TYPE_CHECKING:
    from types import ModuleType

    from .._models.parsed import ParsedCompletion


__all__ = ["AsyncStructuredOutputs", "parse_rounds"]

_T = TypeVar("_T")


class AsyncStructuredOutputs:
    """The part of `AsyncCompletions` that turns answers into values."""

    _engine: Engine

    @overload
    async def parse(
        self,
        *,
        messages: Messages,
        response_format: type[_T],
        model: str | None = None,
        repair: int = 0,
        **options: Unpack[ParseOptions],
    ) -> ParsedCompletion[_T]: ...

    @overload
    async def parse(
        self,
        *,
        messages: Messages,
        response_format: object,
        model: str | None = None,
        repair: int = 0,
        **options: Unpack[ParseOptions],
    ) -> ParsedCompletion[Any]: ...

    async def parse(
        self,
        *,
        messages: Messages,
        response_format: Any,
        model: str | None = None,
        repair: int = 0,
        **options: Unpack[ParseOptions],
    ) -> ParsedCompletion[Any]:
        """
        Ask the model for a value of a type, and return the answer with its ``parsed``.

        The request asks for JSON with the type's schema. The answer is checked against
        the type, since a server may ignore the schema.

        Args:
            messages: As for `create`.
            response_format: The type: a class of attrs, dataclasses, pydantic or
                msgspec, a ``TypedDict``, ``NamedTuple`` or ``Enum``, or any annotation
                made of such classes and of Python's own types, such as
                ``list[int | None]``. A JSON Schema as a dict gives plain JSON data,
                which is not checked against the schema.
            model: As for `create`.
            repair: How often the model is asked again, with the error, if its answer
                does not fit the type; ``answer.earlier`` has the errors.
            **options: Fields of `ParseOptions`.

        Raises:
            OutputTruncatedError: The answer ends before the value is complete.
            ThoughtBudgetError: The model's thoughts used up all tokens.
            OutputRefusedError: The model refused to answer.
            OutputInvalidError: The answer is not JSON, or does not fit the type.
            ArgumentError: An argument is wrong, or the type has no form in JSON Schema;
                nothing was sent.
            ASI1Error: As for `create`.

        Source: https://docs.asi1.ai/documentation/build-with-asi-one/structured-data
        """
        module = parse_rounds()
        rounds = module.parse_rounds(
            self._engine,
            messages=messages,
            model=model,
            response_format=response_format,
            repair=repair,
            options=options,
        )
        answer: ParsedCompletion[Any] = await module.run_rounds(self._engine, rounds)
        return answer


@loader
def parse_rounds() -> ModuleType:
    """Import and return the module that makes the calls of `parse`."""
    from .._call import parse_rounds as module  # noqa: PLC0415

    return module

"""The type that an answer becomes: its ``response_format`` and its decoder."""

from __future__ import annotations

import re

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Generic, NoReturn, TypeVar, get_args

from attrs import frozen

from ..._models.base_types import DEFAULT, JSON
from ..._models.completion import CUT_OFF, ChatCompletion, ChatMessage
from ..._models.errors import ArgumentError
from ..._models.output_errors import (
    OutputError,
    OutputInvalidError,
    OutputRefusedError,
    OutputTruncatedError,
    thoughts_used_up,
)
from .answer_text import CutAway, JSONCutOffError, NoJSONError, read_json_answer
from .decode import decoder_of
from .describe import Describer
from .mismatch import MismatchError
from .shapes import Definition, Field, Foreign, FreeObject, Object, Shape
from .strict import is_strict
from .type_names import type_name
from .write import json_schema


__all__ = ["OutputType", "Parsed", "output_type"]

_T = TypeVar("_T")
_ARGUMENT = "response_format"
# The key of the object that wraps a value of a type other than an object, since the top
# level of a strict schema must be an object.
_KEY = "value"
_LONGEST_NAME = 64


@frozen(kw_only=True)
class Parsed(Generic[_T]):
    """
    The value that an answer's text was decoded into.

    Attributes:
        value: The value, an instance of the requested type.
        parsed_from: What had to be cut away from the answer's text, in this order:
            "invisible characters", "fence", "text" before or after the JSON, "other
            JSON" in this text, "trailing comma". Empty if the text was plain JSON.
    """

    value: _T
    parsed_from: tuple[CutAway, ...] = ()


@frozen(kw_only=True, eq=False)
class OutputType(Generic[_T]):
    """
    A type that answers are decoded into.

    Attributes:
        response_format: The ``response_format`` of a request; must not be changed.
        decode: Returns the value of JSON data; raises `MismatchError`.
        key: The key of the value, if the schema wraps it in an object; else None.
    """

    response_format: dict[str, JSON]
    decode: Callable[[JSON], _T]
    key: str | None = None

    def read(self, completion: ChatCompletion) -> Parsed[_T]:
        """
        Return the value of the answer's text.

        Raises:
            OutputTruncatedError: The answer ends before the value is complete;
                `ThoughtBudgetError` if it has thoughts and no text.
            OutputRefusedError: The model refused to answer.
            OutputInvalidError: The text is not JSON, or does not fit the type.
        """
        message = completion.message
        text = message.content
        _check_whole(completion, message, text)
        try:
            return self.read_text(text)
        except OutputError as error:
            error.completion = completion
            raise

    def read_text(self, text: str) -> Parsed[_T]:
        """
        Decode the complete *text* of an answer, and return its value.

        Raises:
            OutputTruncatedError: The text ends inside a JSON value.
            OutputInvalidError: The text is not JSON, or does not fit the type.
        """
        try:
            data, cuts = read_json_answer(text)
            return Parsed(value=self.decode(data), parsed_from=cuts)
        except JSONCutOffError as error:
            message = f"the answer is cut off: {error}"
            raise OutputTruncatedError(message, text=text) from None
        except NoJSONError as error:
            message = f"the answer is not JSON: {error}"
            raise OutputInvalidError(message, text=text, expected="JSON") from None
        except MismatchError as mismatch:
            raise OutputInvalidError(
                f"the answer does not fit the type: {mismatch}",
                text=text,
                path=mismatch.path,
                expected=mismatch.words or mismatch.expected,
            ) from mismatch.__cause__


def _check_whole(completion: ChatCompletion, message: ChatMessage, text: str) -> None:
    """Raise the error of an answer that the model refused or could not complete."""
    reason = completion.finish_reason
    if message.refusal:
        _fail(OutputRefusedError, f"the model refuses: {message.refusal}", completion)
    if reason == "content_filter":
        _fail(OutputRefusedError, "the content filter removed the answer", completion)
    if reason and reason.lower() in CUT_OFF:
        usage = completion.usage
        tokens = (usage.reasoning_tokens if usage else None) or 0
        if not text.strip() and (completion.thoughts or message.reasoning or tokens):
            raise thoughts_used_up(completion)
        _fail(
            OutputTruncatedError,
            "the answer is cut off by the token limit; raise max_tokens",
            completion,
        )
    if message.tool_calls and not text.strip():
        _fail(
            OutputInvalidError,
            "the answer calls tools in place of giving a value; run_tools runs them",
            completion,
        )


def _fail(cls: type[OutputError], message: str, completion: ChatCompletion) -> NoReturn:
    raise cls(message, text=completion.text, completion=completion)


def output_type(spec: Any) -> OutputType[Any]:
    """
    Return the `OutputType` of a type or of a JSON Schema.

    Args:
        spec: A class or another type; a ``TypeAdapter`` of pydantic; or a JSON Schema
            as a dict, alone or as a whole ``response_format``. A dict is sent as it is,
            and the value is JSON data that was not checked against it.

    Raises:
        ArgumentError: JSON Schema cannot describe the type; the message names its path.
    """
    if type(spec) is type:  # the usual case: a class, not an annotation
        return _cached(spec, "")
    if spec is DEFAULT:
        raise ArgumentError(
            f"{_ARGUMENT}: is missing; pass the type of the value, such as a"
            " dataclass, a pydantic model or list[str]; create() gives the text",
            argument=_ARGUMENT,
        )
    if isinstance(spec, Mapping):
        return _of_schema(spec)
    try:
        hash(spec)
    except TypeError:  # ``Annotated`` has unhashable metadata, such as a dict
        return _of_type(spec)
    # Unions with the same members in another order are equal, but decode differently.
    # So the type's `repr` is a part of the cache's key.
    return _cached(spec, repr(spec) if get_args(spec) else "")


@lru_cache(maxsize=256)
def _cached(spec: Any, _: str) -> OutputType[Any]:
    return _of_type(spec)


def _of_type(spec: Any) -> OutputType[Any]:
    shape = Describer(_ARGUMENT, {}).shape(spec)
    if _is_object(shape):
        return OutputType(
            response_format=_response_format(json_schema(shape), type_name(spec)),
            decode=decoder_of(shape),
        )
    wrapped = decoder_of(_wrapped(shape))
    bare = decoder_of(shape)

    def decode(data: JSON) -> Any:
        # If the server ignores the schema, the model may write the value unwrapped.
        is_wrapped = isinstance(data, dict) and data.keys() == {_KEY}
        return wrapped(data) if is_wrapped else bare(data)

    schema = json_schema(_wrapped(shape))
    return OutputType(
        response_format=_response_format(schema, type_name(spec)),
        decode=decode,
        key=_KEY,
    )


def _is_object(shape: Shape) -> bool:
    if isinstance(shape, Foreign):
        return json_schema(shape).get("type") == "object"
    return isinstance(shape, Object | FreeObject)


def _wrapped(shape: Shape) -> Object:
    """Return the shape of an object with *shape* as its only value."""
    definition = Definition(
        name="Answer",
        fields=(Field(key=_KEY, argument=_KEY, attribute=_KEY, shape=shape),),
        build=lambda *, value: value,
        find_invalid=lambda _, __: None,
    )
    return Object(name="Answer", definition=definition)


def _response_format(schema: dict[str, JSON], name: str) -> dict[str, JSON]:
    name = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_")[:_LONGEST_NAME]
    body = {"name": name or "answer", "strict": is_strict(schema), "schema": schema}
    return {"type": "json_schema", "json_schema": body}


def _of_schema(spec: Mapping[str, JSON]) -> OutputType[Any]:
    """Return the output type of a JSON Schema, or of a whole ``response_format``."""
    given = dict(spec)
    if given.get("type") in {"json_object", "text"} and len(given) == 1:
        return OutputType(response_format=given, decode=_same)
    if given.get("type") == "json_schema" and isinstance(
        given.get("json_schema"), dict
    ):
        return OutputType(response_format=given, decode=_same)
    if not given or not all(isinstance(key, str) for key in given):
        message = f"{_ARGUMENT}: the dict is not a JSON Schema"
        raise ArgumentError(message, argument=_ARGUMENT)
    title = given.get("title")
    name = title if isinstance(title, str) else "answer"
    return OutputType(response_format=_response_format(given, name), decode=_same)


def _same(data: JSON) -> JSON:
    return data

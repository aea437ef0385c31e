"""The chunks of a stream: default values, and the properties that read choice 0."""

from __future__ import annotations

import inspect

import attrs
import pytest

import asi1

from .test_completion import fields_of


@pytest.mark.parametrize(
    ("cls", "defaults"),
    [
        (
            asi1.ToolCallDelta,
            {
                "id": "",
                "type": "function",
                "function": asi1.FunctionCall(),
                "index": None,
            },
        ),
        (
            asi1.Delta,
            {
                "role": None,
                "content": "",
                "reasoning": "",
                "tool_calls": (),
                "refusal": None,
                "_thoughts": "",  # set by the chunk that has the delta
                "_lazy": None,  # set by the fast path
            },
        ),
        (
            asi1.ChunkChoice,
            {
                "index": 0,
                "delta": asi1.Delta(),
                "finish_reason": None,
                "stop_reason": None,
            },
        ),
        (
            asi1.ChatCompletionChunk,
            {
                "id": "",
                "model": "",
                "object": "chat.completion.chunk",
                "created": None,
                "choices": (),
                "usage": None,
                "thought": "",
                "executable_data": None,
                "conversation_id": None,
                # Only the fast path for common chunks sets these four fields.
                "_pending": None,
                "_text": "",
                "_piece": None,
                "_data": b"",
            },
        ),
    ],
)
def test_each_field_of_a_chunk_has_a_default_and_is_a_keyword_argument(cls, defaults):
    """
    A chunk, and each object in a chunk, can be created without arguments. The public
    fields of these objects are keyword arguments. A field that is not set has the value
    that stands for "not sent".
    """
    parameters = inspect.signature(cls).parameters
    public = {each.name for each in attrs.fields(cls) if each.name[0] != "_"}

    assert defaults == fields_of(cls())
    assert public == set(parameters)
    assert {inspect.Parameter.KEYWORD_ONLY} == {p.kind for p in parameters.values()}


def chunk_of(*choices):
    """Return a chunk; each of *choices* is a tuple (index, text, finish reason)."""
    return asi1.ChatCompletionChunk(
        choices=tuple(
            asi1.ChunkChoice(
                index=index, delta=asi1.Delta(content=text), finish_reason=reason
            )
            for index, text, reason in choices
        )
    )


@pytest.mark.parametrize(
    ("chunk", "text", "reason"),
    [
        (chunk_of((0, "Hi.", "stop")), "Hi.", "stop"),
        (chunk_of((1, "No.", "length"), (0, "Hi.", "stop")), "Hi.", "stop"),
        (chunk_of((1, "No.", "length")), "", None),
        (chunk_of(), "", None),
    ],
    ids=["one", "second", "missing", "no-choices"],
)
def test_chunk_has_the_text_and_finish_reason_of_choice_0(chunk, text, reason):
    """
    A chunk has the ``text`` and ``finish_reason`` of the choice with index 0, at any
    position in the list. Without this choice, ``text`` is "" and ``finish_reason`` is
    None.
    """
    assert (text, reason) == (chunk.text, chunk.finish_reason)


def test_to_dict_writes_thoughts_of_a_delta_as_reasoning_content():
    """
    ``to_dict`` of a chunk's delta has the thoughts under the API's name,
    ``reasoning_content``.
    """
    assert "Hm." == asi1.Delta(reasoning="Hm.").to_dict()["reasoning_content"]


def test_reading_an_unknown_attribute_of_a_chunk_raises_attribute_error():
    """
    Reading an attribute that no chunk has raises an AttributeError that names the
    attribute.
    """
    with pytest.raises(
        AttributeError, match="ChatCompletionChunk has no attribute 'otter'"
    ):
        asi1.ChatCompletionChunk().otter  # noqa: B018 - reading raises


class LazyFields:
    """
    Sets a field of a chunk when the field is first read; `filled` lists these fields.
    """

    def __init__(self):
        self.filled = []

    def fill_chunk(self, chunk, name):
        self.filled.append(name)
        object.__setattr__(chunk, name, "otter")
        return "otter"


def lazy_chunk(text=""):
    """Return a chunk as the fast path creates it, with ``model`` not set yet."""
    chunk = asi1.ChatCompletionChunk(id="7")
    object.__delattr__(chunk, "model")
    object.__setattr__(chunk, "_pending", LazyFields())
    object.__setattr__(chunk, "_text", text)
    object.__setattr__(chunk, "_data", b"{}")
    return chunk


def test_lazy_field_of_a_chunk_is_set_when_it_is_first_read():
    """
    A lazy field, which the fast path leaves unset, is set once, when it is first read.
    Reading ``text`` sets no lazy field.
    """
    chunk = lazy_chunk("Hi.")

    assert "Hi." == chunk.text
    assert [] == chunk._pending.filled
    assert ("otter", "otter") == (chunk.model, chunk.model)
    assert ["model"] == chunk._pending.filled


def test_chunk_of_the_fast_path_equals_a_chunk_created_with_the_same_fields():
    """
    A chunk that the fast path read equals a chunk with the same fields that was created
    without the fast path. The two chunks have the same ``repr``.
    """
    plain = asi1.ChatCompletionChunk(id="7", model="otter")
    lazy = lazy_chunk("Hi.")

    assert plain == lazy
    assert repr(plain) == repr(lazy)

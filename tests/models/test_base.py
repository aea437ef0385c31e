"""
`to_dict` and `to_json` of objects that the server sent, and of objects that asi1 built.
"""

from __future__ import annotations

import copy
import json
import pickle

from pickle import dumps

import attrs
import pytest

import asi1

from asi1._models.base_types import draft_of
from asi1._models.parsed import parsed_completion
from asi1._protocol.converter import decode, decode_in_steps
from asi1._protocol.fast_chunks import FastChunkReader
from asi1._settings.search_steps import finished


CALL = asi1.ToolCall(id="c1", function=asi1.FunctionCall(name="dive", arguments="{}"))
CALL_AS_DICT = {
    "id": "c1",
    "type": "function",
    "function": {"name": "dive", "arguments": "{}"},
}


@pytest.mark.parametrize(
    ("model", "fields"),
    [
        (asi1.ChatMessage(), {"role": "assistant", "content": ""}),
        (
            asi1.ChatMessage(content="Hi", reasoning="A greeting."),
            {"role": "assistant", "content": "Hi", "reasoning_content": "A greeting."},
        ),
        (
            asi1.ChatMessage(tool_calls=(CALL,)),
            {"role": "assistant", "content": "", "tool_calls": [CALL_AS_DICT]},
        ),
        (
            asi1.ChatMessage(tool_calls=[CALL]),
            {"role": "assistant", "content": "", "tool_calls": [CALL_AS_DICT]},
        ),
        (
            asi1.Usage(),
            {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
        ),
        (
            asi1.ChatCompletion(id="7", thoughts="Hm.", executable_data=[]),
            {"id": "7", "object": "chat.completion", "thought": "Hm."},
        ),
        (asi1.FunctionCall(extra={"strict": True}), {"strict": True}),
    ],
)
def test_to_dict_of_an_object_built_by_asi1_has_json_names_and_no_empty_fields(
    model, fields
):
    """
    ``to_dict`` of an object that asi1 built uses the API's JSON names. It includes
    unknown keys, and leaves out empty fields other than ``content``.
    """
    assert fields == model.to_dict()
    assert fields == json.loads(model.to_json())


def test_to_dict_of_an_object_from_the_server_is_what_the_server_sent():
    """
    ``to_dict`` of an object that the server sent has exactly the server's keys and
    values, even if a field of the object has a converted value.
    """
    raw = {"choices": [{"index": "0", "message": {"content": None, "mood": 1}}, None]}

    assert raw == decode(asi1.ChatCompletion, raw).to_dict()


@pytest.mark.parametrize(
    "model",
    [
        asi1.ChatCompletion(executable_data={"steps": [1]}),
        asi1.ChatCompletion(extra={"executable_data": {"steps": [1]}}),
        decode(asi1.ChatCompletion, {"executable_data": {"steps": [1]}}),
    ],
    ids=["field", "extra", "wire"],
)
def test_changing_the_result_of_to_dict_does_not_change_the_object(model):
    """
    A dict that ``to_dict`` returned shares no list or dict with the object.
    """
    model.to_dict()["executable_data"]["steps"].append(2)

    assert {"steps": [1]} == model.to_dict()["executable_data"]


def test_equality_and_repr_use_the_fields_and_not_the_servers_json():
    """
    Two objects with the same fields are equal, even if the server's JSON for them
    differs. ``repr`` does not show the server's JSON.
    """
    one = asi1.Usage(total_tokens=7, wire={"total_tokens": 7, "cost": None})

    assert one == asi1.Usage(total_tokens=7)
    assert "cost" not in repr(one)


def test_to_json_replaces_a_lone_surrogate():
    """
    ``to_json`` of an object has U+FFFD in place of a lone surrogate, so that the result
    can be encoded as UTF-8.
    """
    text = asi1.FunctionCall(name="\ud800").to_json()

    assert {"name": "\ufffd"} == json.loads(text.encode())


def test_to_json_is_indented_if_asked():
    """
    ``to_json`` indents its lines by *indent* spaces, as OpenAI's client does.
    """
    usage = asi1.Usage(wire={"total_tokens": 7})

    assert '{\n  "prompt_tokens": 0,' == asi1.Usage().to_json(indent=2)[:23]
    assert usage.to_dict() == json.loads(usage.to_json(indent=4))


def test_constructors_of_objects_take_keyword_arguments_only():
    """
    An object's fields are given by name, so that a new field can be added anywhere.
    """
    with pytest.raises(TypeError):
        asi1.Model({})


def test_draft_of_an_object_is_filled_by_assignment_and_then_frozen():
    """
    The fields of a draft are set by assignment. Once its ``__class__`` is set, the
    draft is an object like those that the constructor makes, and refuses changes.
    """
    made = draft_of(asi1.FunctionCall)()
    made.name, made.arguments, made.extra, made.wire = "dive", "{}", {}, None
    made._as_sent = False
    made.__class__ = asi1.FunctionCall

    assert asi1.FunctionCall is type(made)
    assert asi1.FunctionCall(name="dive", arguments="{}") == made
    assert made == copy.copy(made) == pickle.loads(dumps(made))
    with pytest.raises(attrs.exceptions.FrozenInstanceError, match="is frozen"):
        made.name = "eat"
    with pytest.raises(attrs.exceptions.FrozenInstanceError, match="is frozen"):
        del made.name


RAW = {
    "id": "a",
    "model": "m",
    "system_fingerprint": "secret print",
    "service_tier": None,
    "choices": [
        {
            "index": 0,
            "message": {
                "role": "assistant",
                "reasoning": "secret thought",
                "content": [{"type": "text", "text": "secret text"}],
                "tool_calls": [
                    {"id": "c1", "function": {"name": "f", "arguments": "secret 1"}},
                    {"id": "c2", "function": {"name": "f", "arguments": "secret 2"}},
                ],
            },
            "finish_reason": "stop",
        }
    ],
    "usage": {"total_tokens": 7, "prompt_tokens": 3},
}


def _copies(model):
    """Return the object, and its copies made by copying and pickling."""
    return model, copy.copy(model), copy.deepcopy(model), pickle.loads(dumps(model))


def _dumps(model):
    """Yield each dump of the object and of its copies."""
    for one in _copies(model):
        yield from (one.to_dict(), one.model_dump(), dict(one))
        yield from (json.loads(one.to_json()), json.loads(one.model_dump_json()))


def _in_one_step(cls):
    return decode(cls, RAW)


def _in_steps(cls):
    return finished(decode_in_steps(cls, RAW))


def _parsed(cls):
    return parsed_completion(decode(asi1.ChatCompletion, RAW), 5)


@pytest.mark.parametrize(
    ("read", "cls"),
    [
        (_in_one_step, asi1.ChatCompletion),
        (_in_steps, asi1.ChatCompletion),
        (_in_steps, asi1.ChatCompletionChunk),
        (_parsed, asi1.ParsedCompletion),
    ],
)
def test_copies_of_an_unchanged_object_dump_what_the_server_sent(read, cls):
    """
    An unchanged object dumps the server's JSON, with the same keys in the same order
    and in the server's own format. Its copies and its parts do the same.
    """
    for answer in _copies(read(cls)):
        part = answer.choices[0]
        assert json.dumps(RAW) == json.dumps(answer.to_dict())
        assert json.dumps(RAW["choices"][0]) == json.dumps(part.to_dict())
        message = part.delta if cls is asi1.ChatCompletionChunk else part.message
        assert RAW["choices"][0]["message"]["content"] == message.to_dict()["content"]


def _redacted(answer):
    """Return the answer with each secret replaced."""
    calls = tuple(
        attrs.evolve(
            call,
            function=attrs.evolve(call.function, arguments=f"[redacted {call.id}]"),
        )
        for call in answer.message.tool_calls
    )
    message = attrs.evolve(
        answer.message, content="[redacted]", reasoning="", tool_calls=calls
    )
    choices = (attrs.evolve(answer.choices[0], message=message),)
    return attrs.evolve(answer, choices=choices, thoughts="", extra={}, model="m2")


@pytest.mark.parametrize("read", [_in_one_step, _in_steps, _parsed])
def test_no_dump_of_a_changed_copy_has_the_old_values(read):
    """
    A copy that `attrs.evolve` made, with changed objects inside, dumps the new values.
    No dump has an old value, which a program may have replaced to keep it out of a log.
    """
    answer = _redacted(read(asi1.ChatCompletion))

    for dump in _dumps(answer):
        message = dump["choices"][0]["message"]
        assert "secret" not in json.dumps(dump)
        assert ("m2", "[redacted]") == (dump["model"], message["content"])
        arguments = [call["function"]["arguments"] for call in message["tool_calls"]]
        assert ["[redacted c1]", "[redacted c2]"] == arguments
    assert ["id", "model", "service_tier", "choices", "usage"] == [*answer.to_dict()]
    assert answer.system_fingerprint is None
    assert RAW["usage"] == answer.to_dict()["usage"]


@pytest.mark.parametrize(
    ("raw", "cls", "changes", "dump"),
    [
        (
            {"content": "old", "tool_calls": None, "mood": "calm"},
            asi1.ChatMessage,
            {"content": ""},
            {"content": "", "tool_calls": None, "mood": "calm"},
        ),
        (
            {"content": None, "tool_calls": [{"id": "c", "index": 0}]},
            asi1.Delta,
            {"tool_calls": ()},
            {"content": None},
        ),
        (
            {"content": 5, "refusal": "old"},
            asi1.ChatMessage,
            {"content": "new", "refusal": None},
            {"content": "new"},
        ),
        (
            {"prompt_tokens": 3, "total_tokens": 7},
            asi1.Usage,
            {"total_tokens": 0},
            {"prompt_tokens": 3, "total_tokens": 0},
        ),
        ({"index": 3}, asi1.ChunkChoice, {"index": 0}, {"index": 0}),
        ({"id": "a"}, asi1.ChatCompletionChunk, {}, {"id": "a"}),
        ({"id": "a"}, asi1.ToolCall, {"extra": {"x": 1}}, {"id": "a", "x": 1}),
    ],
)
def test_changed_copy_dumps_its_fields_in_the_servers_order(raw, cls, changes, dump):
    """
    A changed copy dumps its fields in the order of the server's keys, with the server's
    nulls, and without fields that neither the server nor the program has set.
    """
    changed = attrs.evolve(decode(cls, raw), **changes)

    assert json.dumps(dump) == json.dumps(changed.to_dict())
    assert dump.items() <= changed.model_dump().items()


def test_chunk_of_the_fast_path_and_its_changed_copy_dump_their_own_values():
    """
    A chunk that was read by the fast path dumps the server's JSON, even after it was
    copied. Its changed copy dumps the new values.
    """
    raw = {"id": "a", "choices": [{"index": 0, "delta": {"content": "old"}, "x": 1}]}
    chunk = FastChunkReader().read(json.dumps(raw).encode())
    assert chunk is not None

    for one in _copies(chunk):
        assert raw == one.to_dict()
        (choice,) = one.choices
        assert raw["choices"][0] == choice.to_dict()
        delta = attrs.evolve(choice.delta, content="new")
        changed = attrs.evolve(one, choices=(attrs.evolve(choice, delta=delta),))
        for dump in _dumps(changed):
            assert "old" not in json.dumps(dump)
            assert ("new", 1) == (
                dump["choices"][0]["delta"]["content"],
                dump["choices"][0]["x"],
            )


@pytest.mark.parametrize("old", ["old", ""])
@pytest.mark.parametrize("new", ["new", ""])
@pytest.mark.parametrize(
    ("cls", "part", "field"),
    [
        (asi1.ChatCompletion, "message", "thoughts"),
        (asi1.ChatCompletionChunk, "delta", "thought"),
    ],
)
def test_copy_with_other_thoughts_leaves_its_original_as_it_was(
    cls, part, field, old, new
):
    """
    A copy of an answer or of a chunk with other thoughts has these thoughts as the
    ``reasoning_content`` of its message. The original keeps its own thoughts.
    """
    choice = {"index": 0, part: {"role": "assistant", "content": "Hi"}}
    whole = decode(cls, {"thought": old, "choices": [choice]})

    changed = attrs.evolve(whole, **{field: new})

    said = [
        getattr(each.choices[0], part).reasoning_content for each in (whole, changed)
    ]
    assert [old or None, new or None] == said
    assert {"thought": old, "choices": [choice]} == whole.to_dict()

"""
Any JSON that a server sends, in whatever format, can be decoded to models without loss.
"""

from __future__ import annotations

import json

import attrs
import pytest

from hypothesis import example, given, settings
from hypothesis import strategies as st

import asi1

from asi1 import Model
from asi1._models import chunks as _chunks
from asi1._models import completion as _models
from asi1._models.json_text import load_json, replace_surrogates_in
from asi1._protocol.converter import decode, decode_in_steps


# One answer in each format that the API has used, oldest first, and one in the format
# of the API's reference. CHUNKS has the chunks of a stream, in order.
ANSWERS = [
    {
        "id": "id_Qw3Er5Ty7Ui9",
        "object": "chat.completion",
        "model": "asi1-mini",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Otters float."},
                "finish_reason": "stop",
                "stop_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 41, "completion_tokens": 9, "total_tokens": 50},
    },
    {
        "model": "asi1-mini",
        "id": "id_Za1Xs2Cd3Vf4",
        "executable_data": [],
        "intermediate_steps": [],
        "conversation_id": None,
        "thought": ["A question about otters.", None],
        "tool_thought": [],
        "choices": [
            {
                "index": 0,
                "finish_reason": "stop",
                "message": {
                    "role": "assistant",
                    "content": "They hold hands.",
                    "reasoning": None,
                },
            }
        ],
        "usage": {"prompt_tokens": 39, "completion_tokens": 7, "total_tokens": 46},
    },
    {
        "id": "00112233445566778899aabbccddeeff",
        "object": "chat.completion",
        "created": 1768500000,
        "model": "asi1",
        "choices": [
            {
                "index": 0,
                "finish_reason": "tool_calls",
                "logprobs": None,
                "matched_stop": 151336,
                "message": {
                    "role": "assistant",
                    "content": "I will look.",
                    "refusal": None,
                    "tool_calls": [
                        {
                            "id": "call_1",
                            "type": "function",
                            "function": {"name": "weather", "arguments": '{"at":1}'},
                        }
                    ],
                    "reasoning_content": "Where do they live?",
                },
            }
        ],
        "service_tier": None,
        "usage": {
            "prompt_tokens": 2105,
            "completion_tokens": 12,
            "total_tokens": 2117,
            "completion_tokens_details": {"reasoning_tokens": 5},
            "reasoning_tokens": 0,
        },
        "metadata": {"weight_version": "default"},
    },
    {
        "id": "cmpl-77",
        "model": "asi1-mini",
        "choices": [
            {
                "index": 0,
                "delta": {"content": "They"},
                "message": {
                    "role": "user",
                    "content": "They dive.",
                    "tool_calls": [
                        {"id": "t", "tool_name": "dive", "args": {}, "result": {}}
                    ],
                },
                "finish_reason": "stop",
            }
        ],
        "executable_data": [{}],
        "metadata": {},
    },
]
CHUNKS = [
    {
        "id": "id_w",
        "object": "chat.completion.chunk",
        "model": "asi1-mini",
        "choices": [
            {
                "index": 0,
                "delta": {"role": "assistant", "content": ""},
                "finish_reason": None,
                "stop_reason": None,
            }
        ],
        "executable_data": [],
        "usage": None,
    },
    {
        "id": "id_w",
        "choices": [{"role": "assistant", "delta": {"role": "assistant"}}],
        "init_thought": True,
    },
    {"id": "id_w", "choices": [{"delta": {"content": ""}}], "thought": "Otters"},
    {
        "id": "id_w",
        "created": 1740600000123,
        "conversation_id": None,
        "tool_thought": [],
        "choices": [
            {
                "index": 0,
                "finish_reason": "stop",
                "delta": {
                    "content": "\n\nOtters",
                    "reasoning_content": "hm",
                    "tool_calls": [
                        {
                            "index": 0,
                            "id": "call_1",
                            "function": {"name": "f", "arguments": "{"},
                        }
                    ],
                },
                "stop_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 4, "completion_tokens": 3, "total_tokens": 7},
    },
]
MODELS = [
    *filter(attrs.has, (getattr(_models, name) for name in _models.__all__)),
    *(_chunks.ChatCompletionChunk, _chunks.ChunkChoice),
    *(_chunks.Delta, _chunks.ToolCallDelta),
]
WHOLE = [_models.ChatCompletion, _chunks.ChatCompletionChunk]
# A tool call, and choices that have it several times, in a message and in a delta.
CALL = {"id": "call_1", "function": {"name": "f", "arguments": "{}"}, "index": 0}
SEVERAL = {
    "choices": [
        {"index": 0, "message": {"content": "a", "tool_calls": [CALL, CALL]}},
        {"index": 1, "delta": {"content": "b", "tool_calls": [CALL, CALL, CALL]}},
    ],
    "usage": {"prompt_tokens": 4},
}
ALIASES = {"reasoning", "thought"}

texts = st.text(st.characters(), max_size=5)  # st.characters() draws lone surrogates
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(2**64 - 1, 10**40)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3)
    ),
    max_leaves=6,
)
named = st.sampled_from(
    sorted({a.metadata.get("wire", a.name) for m in MODELS for a in attrs.fields(m)})
) | st.sampled_from(["args", "completion_tokens_details", "reasoning", "tool_name"])


@st.composite
def odd(draw, template):
    """
    Draw JSON like *template*, but with keys missing or added, and with values that are
    null or of any type.
    """
    if isinstance(template, list):
        return [draw(odd(item)) for item in template]
    if not isinstance(template, dict):
        return template
    drawn = draw(st.dictionaries(texts, values, max_size=2))
    for key, value in template.items():
        fate = draw(st.sampled_from(["kept"] * 5 + ["missing", "null", "other"]))
        if fate == "kept":
            drawn[key] = draw(odd(value))
        elif fate != "missing":
            drawn[key] = None if fate == "null" else draw(values)
    return drawn


answers = st.sampled_from(ANSWERS).flatmap(odd)
chunks = st.sampled_from(CHUNKS).flatmap(odd)
objects = st.dictionaries(named | texts, values, max_size=6)


def exact(value):
    """
    Return a value as JSON text. Unlike values, texts differ for 1, 1.0 and true, and
    for different orders of keys.
    """
    return json.dumps(value)


def read(cls, sent):
    """Decode *sent* after it was written as JSON, as the network would carry it."""
    return decode(cls, load_json(exact(sent).encode(), surrogates=True))


def pairs(model):
    """Yield (model, wire) for *model* and each model inside it that has a ``wire``."""
    yield model, model.wire
    for attribute in attrs.fields(type(model)):
        value = getattr(model, attribute.name)
        for inner in value if isinstance(value, tuple) else (value,):
            if isinstance(inner, Model) and inner.wire is not None:
                yield from pairs(inner)


def objects_in(value):
    """Yield each JSON object inside *value*, as JSON text."""
    if isinstance(value, dict):
        yield exact(value)
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from objects_in(inner)


@pytest.mark.system
@settings(deadline=None, max_examples=60)
@given(sent=answers)
def test_to_dict_and_to_json_of_an_answer_are_as_sent(sent):
    """
    An answer is decoded even if fields are missing, null, unknown or of a wrong type.
    Its ``to_dict`` and ``to_json`` return the server's JSON; ``to_json`` has U+FFFD for
    a lone surrogate.
    """
    answer = read(_models.ChatCompletion, sent)

    assert exact(sent) == exact(answer.to_dict())
    whole = exact(replace_surrogates_in(sent))
    assert whole == exact(load_json(answer.to_json().encode()))


@pytest.mark.system
@settings(deadline=None, max_examples=60)
@given(sent=chunks)
def test_to_dict_and_to_json_of_a_chunk_are_as_sent(sent):
    """
    A chunk is decoded even if fields are missing, null, unknown or of a wrong type. Its
    ``to_dict`` and ``to_json`` return the server's JSON; ``to_json`` has U+FFFD for a
    lone surrogate.
    """
    chunk = read(_chunks.ChatCompletionChunk, sent)

    assert exact(sent) == exact(chunk.to_dict())
    whole = exact(replace_surrogates_in(sent))
    assert whole == exact(load_json(chunk.to_json().encode()))


@pytest.mark.system
@settings(deadline=None, max_examples=60)
@given(sent=answers | chunks, cls=st.sampled_from(WHOLE))
def test_to_dict_of_each_object_inside_an_answer_is_as_sent(sent, cls):
    """
    ``to_dict`` of a choice, message, tool call or usage inside an answer or chunk
    returns exactly the JSON object that the server sent there.
    """
    known = set(objects_in(sent))
    whole = read(cls, sent)

    for model, _ in pairs(whole):
        if not isinstance(model, _models.FunctionCall):  # a tool call may lack it
            assert exact(model.to_dict()) in known


@pytest.mark.system
@settings(deadline=None, max_examples=60)
@given(sent=answers | chunks, cls=st.sampled_from(WHOLE))
def test_unknown_keys_are_in_extra(sent, cls):
    """
    If a model has no field for a key in the server's JSON, the key is in the model's
    ``extra``, at every level of the JSON.
    """
    for model, wire in pairs(read(cls, sent)):
        names = {
            a.metadata.get("wire", a.name)
            for a in attrs.fields(type(model))
            if a.name not in {"extra", "wire", "response"}
        }
        unknown = {k: v for k, v in wire.items() if k not in names | ALIASES}

        assert exact(unknown) == exact(
            {k: v for k, v in model.extra.items() if k in unknown}
        )


@pytest.mark.system
@settings(deadline=None, max_examples=60)
@given(sent=answers | chunks)
def test_extra_has_only_keys_that_were_sent(sent):
    """
    Each key in ``extra`` was sent by the server, with the same value.
    """
    answer = read(_models.ChatCompletion, sent)

    assert [] == [
        key
        for key, value in answer.extra.items()
        if key not in sent or exact(value) != exact(sent[key])
    ]


@pytest.mark.system
@settings(deadline=None, max_examples=200)
@given(sent=objects, cls=st.sampled_from(MODELS))
@example(sent={"name": "f", "arguments": {"n": 2**70}}, cls=_models.FunctionCall)
@example(sent={"name": "f", "arguments": {"n": "\ud800"}}, cls=_models.FunctionCall)
def test_any_json_object_is_decoded_as_any_model(sent, cls):
    """
    Any JSON object can be decoded as any model, and ``to_dict`` returns the object
    unchanged.
    """
    assert exact(sent) == exact(read(cls, sent).to_dict())


@pytest.mark.system
@settings(deadline=None, max_examples=60)
@given(sent=answers)
def test_changing_the_result_of_to_dict_does_not_change_the_answer(sent):
    """
    Changing a dict that ``to_dict`` returned changes neither the answer nor the dict
    that the next call of ``to_dict`` returns.
    """
    answer = read(_models.ChatCompletion, sent)

    copy = answer.to_dict()
    for value in copy.values():
        if isinstance(value, list):
            value.append("mine")
        elif isinstance(value, dict):
            value["mine"] = 1

    assert exact(sent) == exact(answer.to_dict())


@pytest.mark.parametrize(
    "odd",
    [
        pytest.param({"choices": {}}, id="choices-not-a-list"),
        pytest.param({"response": 5}, id="response"),
        pytest.param({"wire": 5}, id="wire"),
        pytest.param({"extra": 5}, id="extra"),
        pytest.param({"response": {"status": 7}}, id="response-object"),
        pytest.param({"wire": {"id": "a"}}, id="wire-object"),
        pytest.param({"extra": {"id": "a"}}, id="extra-object"),
    ],
)
def test_value_of_a_wrong_type_or_with_a_reserved_name_is_in_extra(odd):
    """
    A value from the server is in ``extra`` if its type is wrong, or if its key is an
    attribute that asi1 itself defines, such as ``wire``.
    """
    answer = decode(asi1.ChatCompletion, odd)

    assert odd == answer.extra
    assert odd == answer.wire
    assert ((), asi1.ResponseInfo()) == (answer.choices, answer.response)


def in_steps(cls, sent):
    """Decode *sent* in steps. Return the decoded model and the number of steps."""
    steps, reading = 0, decode_in_steps(cls, sent)
    while True:
        try:
            next(reading)
        except StopIteration as done:
            return done.value, steps
        steps += 1


@pytest.mark.system
@settings(deadline=None, max_examples=100)
@given(sent=odd(SEVERAL) | answers | chunks | objects, cls=st.sampled_from(WHOLE))
@example(sent=SEVERAL, cls=_models.ChatCompletion)
@example(sent=SEVERAL, cls=_chunks.ChatCompletionChunk)
def test_object_decoded_in_steps_equals_the_object_decoded_at_once(sent, cls):
    """
    A JSON object that is decoded in steps equals the same object decoded at once. Each
    model in it has the JSON object that the server sent.
    """
    whole, (slow, _) = decode(cls, sent), in_steps(cls, sent)

    assert whole == slow
    assert [wire for _, wire in pairs(whole)] == [wire for _, wire in pairs(slow)]


CALLS = [
    pytest.param([CALL, 5, CALL], (2, False), id="one-is-not-a-call"),
    pytest.param([5, "a"], (0, True), id="none-is-a-call"),
    pytest.param([None, 5], (0, True), id="null-and-none-is-a-call"),
    pytest.param([None, None], (0, False), id="nulls"),
    pytest.param([5] * 256 + [CALL], (1, False), id="the-last-is-a-call"),
    pytest.param([CALL] + [5] * 256, (1, False), id="the-first-is-a-call"),
]


@pytest.mark.parametrize(
    ("cls", "key"),
    [(WHOLE[0], "message"), (WHOLE[1], "delta")],
    ids=["answer", "chunk"],
)
@pytest.mark.parametrize("sent_under", ["message", "delta", "both"])
@pytest.mark.parametrize(("calls", "expected"), CALLS)
def test_value_that_is_not_a_tool_call_is_dropped_or_in_extra(
    calls, expected, sent_under, cls, key
):
    """
    In a list of tool calls, a value that is not a tool call is dropped. If the list has
    no tool call, the whole list is in ``extra``. The same holds if the list is decoded
    in steps.
    """
    keys = ["message", "delta"] if sent_under == "both" else [sent_under]
    message = {"content": "Hi", "tool_calls": calls, "otter": 1}
    sent = {"choices": [dict.fromkeys(keys, message)]}

    for model in (decode(cls, sent), in_steps(cls, sent)[0]):
        read = getattr(model.choices[0], key)
        assert expected == (len(read.tool_calls), calls == read.extra.get("tool_calls"))
        assert 1 == read.extra["otter"]
        assert (sent, message) == (model.wire, read.wire)
        unused = {name: message for name in keys if name != key}
        assert unused == dict(model.choices[0].extra)


@pytest.mark.parametrize("sent_under", ["message", "delta"])
@pytest.mark.parametrize("cls", WHOLE)
@pytest.mark.parametrize(
    ("calls", "steps"), [(0, 1), (1, 1), (2, 2), (256, 2), (257, 3), (513, 4)]
)
def test_one_decoding_step_decodes_at_most_256_tool_calls(
    calls, steps, cls, sent_under
):
    """
    If a message has several tool calls, the first step decodes everything but these
    tool calls. Each further step decodes at most 256 of them.
    """
    ids = [str(number) for number in range(calls)]
    message = {"tool_calls": [{**CALL, "id": call_id} for call_id in ids]}

    model, taken = in_steps(cls, {"choices": [{sent_under: message}]})

    assert steps == taken
    [choice] = model.choices
    read = choice.message if cls is asi1.ChatCompletion else choice.delta
    assert ids == [call.id for call in read.tool_calls]


@pytest.mark.parametrize("cls", WHOLE)
def test_wire_and_extra_are_not_copies_of_the_decoded_json(cls):
    """
    ``wire`` and the values in ``extra`` are the objects decoded from JSON, not copies.
    So a large answer is in memory only once.
    """
    sent = {"choices": [{"index": 0}], "otter": {"a": 1}}

    model = decode(cls, sent)

    assert model.wire is sent
    assert model.choices[0].wire is sent["choices"][0]
    assert model.extra["otter"] is sent["otter"]


@pytest.mark.parametrize("cls", WHOLE)
@pytest.mark.parametrize(
    "choices",
    [
        pytest.param(5, id="number"),
        pytest.param([], id="empty"),
        pytest.param([None], id="null"),
        pytest.param([5, "a"], id="no-objects"),
        pytest.param([None, 5, *SEVERAL["choices"]], id="some-objects"),
        pytest.param([{"message": 5, "delta": [5]}], id="messages-of-wrong-types"),
    ],
)
def test_choice_of_a_wrong_type_is_decoded_the_same_at_once_and_in_steps(choices, cls):
    """
    A value of a wrong type, in place of a choice or its message, is dropped or is in
    ``extra``, whether the answer is decoded at once or in steps.
    """
    sent = {"id": "a", "choices": choices}

    whole, (slow, _) = decode(cls, sent), in_steps(cls, sent)

    assert whole == slow
    assert [wire for _, wire in pairs(whole)] == [wire for _, wire in pairs(slow)]

"""OpenAI's names of attributes, on the objects of asi1."""

from __future__ import annotations

import copy
import pickle

import pytest

import asi1

from asi1._models.base import as_sent
from asi1._models.openai_names import HINTS, hint

from ..support.talk import DONE, SSE, Event, chunk


CALL = {"name": "dive", "arguments": "{}"}
MESSAGE = asi1.ChatMessage(
    reasoning="Hm.", extra={"function_call": CALL, "mood": "calm"}
)
USAGE = asi1.Usage(
    reasoning_tokens=3, extra={"prompt_tokens_details": {"cached_tokens": 5}}
)
ANSWER = as_sent(
    asi1.ChatCompletion(
        wire={"thought": ["a", "b"]}, response=asi1.ResponseInfo(request_id="r1")
    )
)


@pytest.mark.parametrize(
    ("model", "path", "value"),
    [
        (MESSAGE, "reasoning_content", "Hm."),
        (MESSAGE, "function_call.name", "dive"),
        (MESSAGE, "mood", "calm"),
        (MESSAGE, "model_extra", {"function_call": CALL, "mood": "calm"}),
        (asi1.ChatMessage(), "reasoning_content", None),
        (asi1.ChatMessage(), "function_call", None),
        (asi1.Delta(reasoning="Hm."), "reasoning_content", "Hm."),
        (asi1.Delta(), "function_call", None),
        (asi1.ChatChoice(extra={"logprobs": [1]}), "logprobs", [1]),
        (asi1.ChatChoice(), "logprobs", None),
        (asi1.ChunkChoice(), "logprobs", None),
        (USAGE, "prompt_tokens_details.cached_tokens", 5),
        (USAGE, "prompt_tokens_details.audio_tokens", None),
        (USAGE, "completion_tokens_details.reasoning_tokens", 3),
        (asi1.Usage(), "prompt_tokens_details", None),
        (asi1.Usage(), "completion_tokens_details", None),
        (ANSWER, "thought", ["a", "b"]),
        (ANSWER, "_request_id", "r1"),
        (asi1.ChatCompletion(), "system_fingerprint", None),
        (asi1.ChatCompletionChunk(), "system_fingerprint", None),
        (asi1.ChatCompletionChunk(extra={"step": 1}), "step", 1),
    ],
    ids=lambda part: part if isinstance(part, str) else "",
)
def test_objects_have_the_attributes_of_openais_objects(model, path, value):
    """
    An object has each attribute that OpenAI's object has, with the known value or None,
    and an attribute for each key that the server sent.
    """
    for name in path.split("."):
        model = getattr(model, name)

    assert value == model


THOUGHTS = [
    {"message": {"reasoning_content": "Hm."}},
    {"message": {"reasoning": "Hm."}},
    {"message": {"thought": "Hm."}},
    {"top": {"thought": ["Hm."]}},
    {"top": {"thought": "Hm."}},
]


@pytest.mark.parametrize("place", THOUGHTS, ids=str)
async def test_reasoning_content_has_the_thoughts_wherever_the_server_sends_them(
    fake, fake_client, place
):
    """
    ``message.reasoning_content`` and ``delta.reasoning_content`` are the thoughts,
    whichever key the server sends them under, in the message or beside the choices. The
    object's JSON form is as the server sent it.
    """
    message, top = place.get("message", {}), place.get("top", {})
    whole = {"role": "assistant", "content": "Hi.", **message}
    fake.reply_json({"choices": [{"index": 0, "message": whole}], **top})
    first = {"choices": [{"index": 0, "delta": {"content": "", **message}}], **top}
    last = chunk("Hi.", finish="stop")
    fake.play(SSE, Event(first, first, last), DONE)
    fake.play(SSE, Event(first, last), DONE)
    completions = fake_client.chat.completions

    answer = await completions.create(messages="Hi")
    stream = await completions.create(messages="Hi", stream=True)
    chunks = [each async for each in stream]
    async with completions.stream(messages="Hi") as stream:
        streamed = await stream.get_final_completion()
    fake.reply_json({"choices": [{"message": {**whole, "content": "1"}}], **top})
    parsed = await completions.parse(messages="Hi", response_format=int)

    assert "Hm." == answer.message.reasoning_content
    assert whole == answer.message.to_dict()
    pieces = [each.choices[0].delta.reasoning_content for each in chunks]
    assert ["Hm.", "Hm.", None] == pieces
    assert "Hm." == streamed.message.reasoning_content
    assert "Hm." == parsed.choices[0].message.reasoning_content


@pytest.mark.parametrize(
    ("thing", "name", "advice"),
    [
        (MESSAGE, "parsed", "ChatMessage has no attribute 'parsed'; only an answer of"),
        (MESSAGE, "model_copy", "ChatMessage has no .*attrs.evolve"),
        (asi1.ChatCompletionChunk(), "type", "ChatCompletionChunk .*yields chunks"),
        (asi1.RateLimitError("no"), "request", "RateLimitError .*hides the request"),
        (asi1.ResponseInfo(), "json", "ResponseInfo .*an error has its body"),
        (asi1.ASI1("k").chat.completions, "list", "Completions .*stores no answers"),
        (asi1.AsyncASI1("k").conversation(), "send", "AsyncConversation .*ask()"),
        (MESSAGE, "otter", "ChatMessage has no attribute 'otter'$"),
        (asi1.Usage(), "logprobs", "Usage has no attribute 'logprobs'$"),
        (asi1.ChatCompletion, "model_validate", "ChatCompletion .*reply_json"),
        (asi1.ChatMessage, "model_construct", "ChatMessage .*call the class"),
        (asi1.Usage, "model_fields", "Usage has no .*attrs.fields"),
        (asi1.Usage(), "model_fields", "Usage has no .*attrs.fields"),
        (asi1, "OpenAI", "module 'asi1' has no attribute 'OpenAI'; asi1 calls it ASI1"),
        (asi1, "otter", "module 'asi1' has no attribute 'otter'$"),
        (asi1.ASI1("k"), "embeddings", "ASI1 has no attribute 'embeddings'; ASI-1 has"),
        (asi1.AsyncASI1("k"), "responses", "AsyncASI1 has no .*client.request"),
        (asi1.ASI1("k"), "otter", "ASI1 has no attribute 'otter'$"),
    ],
)
def test_missing_attribute_of_openais_client_raises_an_error_with_a_hint(
    thing, name, advice
):
    """
    Reading an attribute that OpenAI's client has and asi1 does not raises an
    `AttributeError` that names what to use instead. The error for any other name has no
    hint.
    """
    assert not hasattr(thing, name)
    with pytest.raises(AttributeError, match=advice):
        getattr(thing, name)


@pytest.mark.parametrize("name", HINTS["asi1"])
def test_import_of_openais_name_raises_an_import_error_with_a_hint(name):
    """
    ``from asi1 import OpenAI`` raises an `ImportError` that names what to import
    instead, and ``hasattr(asi1, "OpenAI")`` is False.
    """
    with pytest.raises(
        ImportError, match=f"^cannot import name '{name}' from 'asi1'; "
    ):
        exec(f"from asi1 import ASI1, {name}")
    assert not hasattr(asi1, name)


def test_import_of_an_unknown_name_raises_pythons_error():
    """An import of a name that neither client has raises the error of Python."""
    with pytest.raises(ImportError, match="cannot import name 'otter' from 'asi1' "):
        exec("from asi1 import otter")


CLIENTS = [asi1.ASI1("k"), asi1.AsyncASI1("k")]
OWNERS = {
    "BaseClient": CLIENTS,
    "asi1": [asi1],
    "APIError": [asi1.APIError("no")],
    "ResponseInfo": [asi1.ResponseInfo()],
    "KnownModel": [CLIENTS[0].models.retrieve("asi1")],
    "Model": [asi1.ChatCompletion(), MESSAGE],
    "ChatMessage": [MESSAGE],
    "ChatCompletionChunk": [asi1.ChatCompletionChunk()],
    **{type(client.chat).__name__: [client.chat] for client in CLIENTS},
    **{type(client.images).__name__: [client.images] for client in CLIENTS},
    **{type(client.models).__name__: [client.models] for client in CLIENTS},
    **{
        type(client.chat.completions).__name__: [client.chat.completions]
        for client in CLIENTS
    },
}


@pytest.mark.parametrize("kind", HINTS)
def test_no_hint_is_for_an_attribute_that_asi1_has(kind):
    """
    A hint exists only for an attribute of OpenAI's client that the object of asi1 does
    not have.
    """
    owners = OWNERS.get(kind) or [getattr(asi1, kind)]

    for owner in owners:
        assert [] == [name for name in HINTS[kind] if hasattr(owner, name)]
    assert all(hint(kind, name).startswith("; ") for name in HINTS[kind])


@pytest.mark.parametrize("model", [MESSAGE, USAGE, ANSWER, asi1.ChatCompletionChunk()])
@pytest.mark.parametrize(
    "copied",
    [copy.copy, copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))],
    ids=["copy", "deepcopy", "pickle"],
)
def test_objects_can_be_copied_and_pickled(model, copied):
    """
    A copy or a pickle of an object equals the object, and has the same attributes.
    """
    assert model == copied(model)
    assert model.to_dict() == copied(model).to_dict()

"""
The values that callers may pass as messages, and the dicts that requests have for them.
"""

from __future__ import annotations

import collections
import types
import typing

from unittest.mock import Mock

import pytest

from hypothesis import given, settings
from hypothesis import strategies as st

from asi1 import (
    ArgumentError,
    AssistantMessage,
    ChatChoice,
    ChatCompletion,
    ChatMessage,
    FunctionCall,
    SystemMessage,
    ToolCall,
    ToolMessage,
    UserMessage,
)
from asi1._models.messages import sendable, wire_messages
from asi1._protocol.converter import decode


CALL = ToolCall(
    id="c1",
    function=FunctionCall(name="dive", arguments='{"m":3}'),
    extra={"result": {}},
)
WIRE_CALL = {
    "id": "c1",
    "type": "function",
    "function": {"name": "dive", "arguments": '{"m":3}'},
    "result": {},
}
PARTS = [
    {"type": "text", "text": "What is this?"},
    {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}},
]


def answer_with(message):
    """Return an answer whose only choice has this message."""
    return ChatCompletion(choices=(ChatChoice(message=message),))


@pytest.mark.parametrize(
    ("message", "wire"),
    [
        pytest.param(
            SystemMessage("Be brief."),
            {"role": "system", "content": "Be brief."},
            id="system",
        ),
        pytest.param(UserMessage("Hi"), {"role": "user", "content": "Hi"}, id="user"),
        pytest.param(
            UserMessage(PARTS), {"role": "user", "content": PARTS}, id="parts"
        ),
        pytest.param(
            UserMessage(""), {"role": "user", "content": ""}, id="empty-string"
        ),
        pytest.param(
            AssistantMessage("Hello"),
            {"role": "assistant", "content": "Hello"},
            id="assistant",
        ),
        pytest.param(
            AssistantMessage(tool_calls=(CALL,)),
            {"role": "assistant", "content": None, "tool_calls": [WIRE_CALL]},
            id="assistant-tool-calls",
        ),
        pytest.param(
            AssistantMessage(tool_calls=[WIRE_CALL]),
            {"role": "assistant", "content": None, "tool_calls": [WIRE_CALL]},
            id="assistant-tool-call-as-a-dict",
        ),
        pytest.param(
            AssistantMessage("I will look.", (CALL,)),
            {"role": "assistant", "content": "I will look.", "tool_calls": [WIRE_CALL]},
            id="assistant-text-and-tool-calls",
        ),
        pytest.param(
            ToolMessage("deep", "c1"),
            {"role": "tool", "tool_call_id": "c1", "content": "deep"},
            id="tool",
        ),
        pytest.param(
            ChatMessage(content="Hello", reasoning="Hm.", extra={"audio": None}),
            {"role": "assistant", "content": "Hello"},
            id="answers-message",
        ),
        pytest.param(
            answer_with(ChatMessage(role="model", content="half \ud83d")),
            {"role": "assistant", "content": "half \ufffd"},
            id="answer-with-odd-role-and-surrogate",
        ),
        pytest.param(
            answer_with(ChatMessage(tool_calls=(CALL,))),
            {"role": "assistant", "content": None, "tool_calls": [WIRE_CALL]},
            id="answer",
        ),
        pytest.param(
            answer_with(ChatMessage()),
            {"role": "assistant", "content": ""},
            id="empty-answer",
        ),
        pytest.param(
            {"role": "user", "content": "Hi", "name": "otter"},
            {"role": "user", "content": "Hi", "name": "otter"},
            id="dict",
        ),
        pytest.param(
            types.MappingProxyType({"role": "user", "content": "Hi"}),
            {"role": "user", "content": "Hi"},
            id="mapping",
        ),
        pytest.param(
            {"role": "assistant", "content": None, "tool_calls": [WIRE_CALL]},
            {"role": "assistant", "content": None, "tool_calls": [WIRE_CALL]},
            id="dict-with-calls",
        ),
        pytest.param(
            {"role": "assistant"}, {"role": "assistant"}, id="dict-without-content"
        ),
        pytest.param(
            {"role": "assistant", "content": "Hi", "refusal": None, "audio": None},
            {"role": "assistant", "content": "Hi"},
            id="dict-with-nulls",
        ),
        pytest.param(
            {"role": "assistant", "content": "Hi", "tool_calls": []},
            {"role": "assistant", "content": "Hi"},
            id="dict-with-an-empty-list-of-calls",
        ),
        pytest.param(
            {"role": "user", "content": tuple(PARTS)},
            {"role": "user", "content": tuple(PARTS)},
            id="dict-with-parts",
        ),
    ],
)
def test_each_kind_of_message_becomes_one_dict(message, wire):
    """
    A message object, a model's message, a complete answer or a dict becomes one dict.
    The dict has only keys that the API accepts; keys that only servers send are left
    out.
    """
    assert [wire] == wire_messages([message])


@pytest.mark.parametrize(
    "role", ["system", "user", "assistant", "tool", "developer", "function"]
)
def test_message_that_is_a_dict_may_have_any_role_of_the_api(role):
    """
    A message that is a dict may have any of the six roles that the API knows.
    """
    message = {"role": role, "content": "Hi"}

    assert [message] == wire_messages([message])


def test_string_becomes_one_user_message():
    """
    A string passed as the messages becomes one user message, even if it is "".
    """
    assert [{"role": "user", "content": "Hi"}] == wire_messages("Hi")
    assert [{"role": "user", "content": ""}] == wire_messages("")


MIXTURE = [
    SystemMessage("Be brief."),
    {"role": "user", "content": "How deep?"},
    answer_with(ChatMessage(tool_calls=(CALL,))),
    ToolMessage("9 m", "c1"),
    ChatMessage(content="Nine."),
    UserMessage("Thanks"),
]


@pytest.mark.parametrize(
    "collect",
    [
        pytest.param(list, id="list"),
        pytest.param(tuple, id="tuple"),
        pytest.param(iter, id="iterator"),
        pytest.param(lambda items: (item for item in items), id="generator"),
        pytest.param(collections.deque, id="deque"),
        pytest.param(lambda items: dict(enumerate(items)).values(), id="dict-view"),
    ],
)
def test_iterable_of_messages_of_all_kinds_keeps_its_order(collect):
    """
    A caller may pass any iterable, with messages of all kinds. The dicts in the request
    have the same order.
    """
    wire = wire_messages(collect(MIXTURE))

    assert ["system", "user", "assistant", "tool", "assistant", "user"] == [
        message["role"] for message in wire
    ]
    assert ["Be brief.", "How deep?", None, "9 m", "Nine.", "Thanks"] == [
        message["content"] for message in wire
    ]


def test_changing_a_returned_dict_does_not_change_the_callers_dict():
    """
    Changing a dict that `wire_messages` returns does not change the caller's dict.
    """
    message = {"role": "user", "content": "Hi"}

    (wire,) = wire_messages([message])
    wire["role"] = "system"

    assert {"role": "user", "content": "Hi"} == message


WRONG = [
    pytest.param([], "messages", "is empty", id="empty-list"),
    pytest.param(iter(()), "messages", "is empty", id="empty-iterator"),
    pytest.param(None, "messages", "it is NoneType", id="none"),
    pytest.param(5, "messages", "it is int", id="number"),
    pytest.param(
        {"role": "user", "content": "hush"}, "messages", "it is dict", id="one-dict"
    ),
    pytest.param(
        UserMessage("hush"), "messages", "it is UserMessage", id="one-message"
    ),
    pytest.param(
        ChatMessage(content="hush"),
        "messages",
        "it is ChatMessage",
        id="one-answer-message",
    ),
    pytest.param(
        answer_with(ChatMessage(content="hush")),
        "messages",
        "it is ChatCompletion",
        id="one-answer",
    ),
    pytest.param(b"hush", "messages[0]", "it is int", id="bytes"),
    pytest.param(["hush"], "messages[0]", "it is str", id="list-of-strings"),
    pytest.param(
        [UserMessage("a"), None], "messages[1]", "NoneType", id="list-with-none"
    ),
    pytest.param(
        [[{"role": "user", "content": "hush"}]],
        "messages[0]",
        "nested one too deep",
        id="nested-list",
    ),
    pytest.param(
        ({"role": "user", "content": "a"}, (UserMessage("hush"),)),
        "messages[1]",
        "nested one too deep",
        id="nested-tuple",
    ),
    pytest.param(
        [{"choices": [{"message": {"content": "hush"}}]}],
        "messages[0]",
        "take its message",
        id="dict-of-an-answer",
    ),
    pytest.param(
        [{"content": "hush"}], "messages[0].role", "not None", id="without-role"
    ),
    pytest.param(
        [{"role": "User", "content": "hush"}],
        "messages[0].role",
        "not 'User'",
        id="role-upper-case",
    ),
    pytest.param(
        [{"role": ["user"], "content": "hush"}],
        "messages[0].role",
        "must be one of system, user, assistant",
        id="role-list",
    ),
    pytest.param(
        [{"role": 10**5000, "content": "hush"}],
        "messages[0].role",
        "it is int",
        id="role-longer-than-python-prints",
    ),
    pytest.param(
        [UserMessage("a"), {"role": "user", "content": None}],
        "messages[1].content",
        "it is NoneType",
        id="content-none",
    ),
    pytest.param(
        [{"role": "user"}], "messages[0].content", "it is NoneType", id="no-content"
    ),
    pytest.param(
        [UserMessage(None)],
        "messages[0].content",
        "it is NoneType",
        id="message-content-none",
    ),
    pytest.param(
        [ToolMessage(None, "c1")],
        "messages[0].content",
        "it is NoneType",
        id="tool-content-none",
    ),
    pytest.param(
        [UserMessage(b"hush")], "messages[0].content", "it is bytes", id="content-bytes"
    ),
    pytest.param(
        [{"role": "user", "content": 5}],
        "messages[0].content",
        "it is int",
        id="content-number",
    ),
    pytest.param(
        [{"role": "user", "content": {"text": "hush"}}],
        "messages[0].content",
        "it is dict",
        id="content-dict",
    ),
    pytest.param(
        [{"role": "user", "content": ["hush"]}],
        "messages[0].content",
        "it is list",
        id="parts-are-strings",
    ),
    pytest.param(
        [{"role": "assistant", "content": ["hush"]}],
        "messages[0].content",
        "it is list",
        id="assistant-parts-are-strings",
    ),
]


@pytest.mark.parametrize(("messages", "argument", "problem"), WRONG)
def test_error_for_a_wrong_message_shows_its_index_and_type(
    messages, argument, problem
):
    """
    A wrong message raises an `ArgumentError`. The error shows the message's index and
    type, but none of its content.
    """
    with pytest.raises(ArgumentError) as caught:
        wire_messages(messages)

    assert argument == caught.value.argument
    assert str(caught.value).startswith(f"{argument}: ")
    assert problem in str(caught.value)
    assert "hush" not in str(caught.value)


def test_subclass_of_a_message_class_is_accepted():
    """
    A subclass of a message class is converted to a dict like its parent class.
    """

    class Question(UserMessage):
        pass

    assert [{"role": "user", "content": "Hi"}] == wire_messages([Question("Hi")])


def test_answer_is_sent_back_without_the_fields_that_only_servers_write():
    """
    An answer from the server can be passed as a message of the next call. Fields that
    only servers write are left out of the request.
    """
    first = decode(
        ChatCompletion,
        {
            "choices": [
                {
                    "message": {
                        "role": "assistant",
                        "content": "Nine.",
                        "refusal": None,
                        "annotations": None,
                        "reasoning_content": "Hm.",
                    }
                }
            ]
        },
    )

    assert [{"role": "assistant", "content": "Nine."}] == wire_messages([first])
    assert wire_messages([first]) == wire_messages([first.message])


EMPTY = [
    pytest.param({"role": "assistant", "content": None}, id="null"),
    pytest.param({"role": "assistant", "content": ""}, id="empty-string"),
    pytest.param({"role": "assistant", "content": " \n"}, id="white-space"),
    pytest.param({"role": "assistant"}, id="missing"),
    pytest.param({"role": "assistant", "content": []}, id="no-parts"),
    pytest.param(
        {"role": "assistant", "content": [{"type": "text", "text": ""}]},
        id="empty-part",
    ),
    pytest.param({"role": "assistant", "content": "", "tool_calls": []}, id="no-calls"),
    pytest.param(
        {"role": "assistant", "content": "", "reasoning_content": "Hm."}, id="thoughts"
    ),
    pytest.param(AssistantMessage(), id="object"),
    pytest.param(ChatMessage(reasoning="Hm."), id="answers-message"),
    pytest.param(answer_with(ChatMessage()), id="answer"),
    pytest.param(ChatMessage(extra={"audio": {"id": "a", "data": "QQ"}}), id="audio"),
    pytest.param(
        ChatMessage(extra={"function_call": {"arguments": "{}"}}), id="unnamed-call"
    ),
    pytest.param(ChatCompletion(executable_data=[{"a": 1}]), id="executable-data"),
    pytest.param(ChatCompletion(), id="answer-without-choices"),
]


FUNCTION_CALL = {"name": "dive", "arguments": "{}"}


@pytest.mark.parametrize(
    ("call", "sent"),
    [
        pytest.param(FUNCTION_CALL, FUNCTION_CALL, id="string"),
        pytest.param({"name": "dive", "arguments": {}}, FUNCTION_CALL, id="object"),
        pytest.param({"name": "dive", "arguments": None}, FUNCTION_CALL, id="null"),
        pytest.param({"name": "dive"}, FUNCTION_CALL, id="missing"),
        pytest.param(
            {**FUNCTION_CALL, "signature": "s", "id": None},
            {**FUNCTION_CALL, "signature": "s"},
            id="unknown-member",
        ),
        pytest.param({"name": "", "arguments": "{}"}, None, id="empty-name"),
        pytest.param({"arguments": "{}"}, None, id="no-name"),
        pytest.param({"name": 7}, None, id="name-of-another-type"),
        pytest.param({}, None, id="empty"),
        pytest.param("dive", None, id="string-alone"),
        pytest.param(None, None, id="null-alone"),
    ],
)
@pytest.mark.parametrize("content", ["", "Let me see."])
def test_function_call_of_an_answer_is_sent_back(call, sent, content):
    """
    The message of an answer is sent back with its ``function_call``. A
    ``function_call`` without a name is left out.
    """
    message = ChatMessage(content=content, extra={"function_call": call})
    expected = {"role": "assistant", "content": content}
    if sent is not None:
        expected |= {"content": content or None, "function_call": sent}

    for each in (message, answer_with(message)):
        assert [expected] == wire_messages([each])


def test_function_call_beside_tool_calls_is_not_sent():
    """
    An answer with tool calls is sent without ``function_call``, which is the older form
    of ``tool_calls``.
    """
    call = ToolCall(id="c1", function=FunctionCall(name="dive", arguments="{}"))
    message = ChatMessage(tool_calls=(call,), extra={"function_call": FUNCTION_CALL})

    (wire,) = wire_messages([message])

    assert {"role", "content", "tool_calls"} == wire.keys()


@pytest.mark.parametrize("message", EMPTY)
def test_message_of_the_model_without_content_and_tool_calls_is_not_sent(message):
    """
    Servers refuse a message of the model that has neither content nor tool calls. So
    this message is left out of a request; if the request has no other messages,
    `ArgumentError` is raised.
    """
    user = {"role": "user", "content": "Hi"}

    assert [user, user] == sendable(wire_messages([user, message, user]))
    with pytest.raises(ArgumentError, match="only empty messages of the model"):
        sendable(wire_messages([message]))


@pytest.mark.parametrize(
    "message",
    [
        {"role": "user", "content": ""},
        {"role": "tool", "tool_call_id": "c1", "content": ""},
        {"role": "system", "content": ""},
        {"role": "assistant", "content": "0"},
        {"role": "assistant", "content": None, "tool_calls": [WIRE_CALL]},
        {"role": "assistant", "content": None, "function_call": {"name": "dive"}},
        {"role": "assistant", "audio": {"id": "a1"}},
        {"role": "assistant", "content": PARTS[1:]},
        {"role": "assistant", "content": "Hi", "refusal": "No."},
    ],
)
def test_message_with_content_or_of_another_role_is_sent_unchanged(message):
    """
    An assistant message is sent unchanged if it has content, or a key in place of
    content, such as tool calls. A message of another role is always sent unchanged.
    """
    assert [message] == sendable(wire_messages([message]))


@pytest.mark.parametrize(
    "message",
    [
        pytest.param(ChatMessage(refusal="No."), id="object"),
        pytest.param(answer_with(ChatMessage(refusal="No.")), id="answer"),
        pytest.param(
            {"role": "assistant", "content": None, "refusal": "No."}, id="dict"
        ),
    ],
)
def test_refusal_without_text_is_sent_as_the_content_of_the_message(message):
    """
    If a message has a refusal and no text, the refusal is sent as the message's
    content.
    """
    wire = [{"role": "assistant", "content": "No."}]

    assert wire == sendable(wire_messages([message]))


_TEXTS = st.text(" \t\n\x1c\x85\u3000ab\ud55c", max_size=3)
_SENT = st.fixed_dictionaries(
    {"role": st.sampled_from(["system", "user", "assistant", "tool"])},
    optional={
        "content": st.none()
        | _TEXTS
        | st.lists(st.fixed_dictionaries({"type": st.just("text"), "text": _TEXTS})),
        "refusal": st.none() | _TEXTS,
        "tool_calls": st.just([WIRE_CALL]),
    },
)


def _blank(message):
    content = message.get("content") or ""
    texts = [content] if isinstance(content, str) else [p["text"] for p in content]
    blank = not any(text.strip() for text in texts)
    return blank and message["role"] == "assistant" and "tool_calls" not in message


@settings(deadline=None)
@given(st.lists(_SENT, max_size=6))
def test_only_messages_of_the_model_without_text_are_changed_or_left_out(messages):
    """
    A history is sent as it is, except that a message of the model without a text is
    left out, or is sent with its refusal as content. The dicts stay the same objects.
    """
    expected = []
    for message in messages:
        refusal = message.get("refusal")
        if not _blank(message):
            expected.append(message)
        elif refusal and refusal.strip():
            expected.append({"role": "assistant", "content": refusal})
    if messages and not expected:
        expected = [{"role": "user", "content": "Hi"}]
        messages = [*messages, *expected]

    sent = sendable(messages)

    assert expected == sent
    kept = [message for message in messages if not _blank(message)]
    assert set(map(id, kept)) <= set(map(id, sent))
    assert sent == sendable(sent)


def test_tool_call_is_sent_back_with_the_keys_that_the_server_added():
    """
    Keys that the server added to a tool call, or to its function, are sent back, except
    nulls and ``index``. Keys that the server added to the message are left out.
    """
    call = {
        "id": "c1",
        "type": "function",
        "index": 0,
        "extra_content": {"google": {"thought_signature": "s1"}},
        "gone": None,
        "function": {"name": "dive", "arguments": "{}", "signature": "s2"},
    }
    sent = {key: call[key] for key in call if key not in {"index", "gone"}}
    message = {"role": "assistant", "content": None, "tool_calls": [call], "new": 1}
    answer = decode(ChatCompletion, {"choices": [{"message": message}]})

    assert [
        {"role": "assistant", "content": None, "tool_calls": [sent]}
    ] == wire_messages([answer])


def test_tool_call_with_tool_name_and_args_is_sent_back_with_a_function():
    """
    A tool call that an older server sent with "tool_name" and "args" is sent back in
    today's form, with "function".
    """
    call = {"id": "c1", "tool_name": "dive", "args": {"m": 3}, "signature": "s1"}
    answer = decode(ChatCompletion, {"choices": [{"message": {"tool_calls": [call]}}]})

    (wire,) = wire_messages([answer])

    assert [
        {
            "id": "c1",
            "type": "function",
            "function": {"name": "dive", "arguments": '{"m":3}'},
            "signature": "s1",
        }
    ] == wire["tool_calls"]


def _note(**values):
    """Return a message as a program may model it with pydantic."""
    pydantic = pytest.importorskip("pydantic")

    class Note(pydantic.BaseModel):
        role: str
        content: str | list[dict[str, typing.Any]] | None = None
        name: str | None = None
        tool_calls: list[typing.Any] | None = None
        kind: str | None = pydantic.Field(default=None, alias="type")

    return Note(**values) if values else Note


OPENAI_CALL = {
    "id": "c1",
    "type": "function",
    "function": {"name": "f", "arguments": "{}"},
}


@pytest.mark.parametrize(
    ("values", "wire"),
    [
        ({"role": "user", "content": "Hi"}, {"role": "user", "content": "Hi"}),
        (
            {"role": "user", "content": PARTS, "type": "note"},
            {"role": "user", "content": PARTS, "type": "note"},
        ),
        (
            {"role": "assistant", "tool_calls": [OPENAI_CALL]},
            {"role": "assistant", "tool_calls": [OPENAI_CALL]},
        ),
    ],
)
def test_pydantic_model_is_sent_as_its_dump_without_none(values, wire):
    """
    A pydantic model, such as a message of OpenAI's client, is sent as its JSON form,
    without values that are None.
    """
    assert [wire] == wire_messages([_note(**values)])


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (
            lambda: _note(role="friend"),
            r"messages\[0\].role: must be one of .* not 'friend'",
        ),
        (lambda: _note(role="user"), r"messages\[0\].content: must be a str"),
        (_note, r"messages\[0\]: is not a message \(it is ModelMetaclass\)"),
        (Mock, r"messages\[0\]: is not a message \(it is Mock\)"),
        (ChatChoice, r"messages\[0\]: is not a message \(it is ChatChoice\)"),
    ],
)
def test_pydantic_model_that_is_not_a_message_is_an_error(make, problem):
    """
    A pydantic model whose dump is not a message raises the error that a dict would
    raise. A class, a mock, and an object of asi1 that is not a message are refused
    without a dump.
    """
    with pytest.raises(ArgumentError, match=problem):
        wire_messages([make()])


@pytest.mark.parametrize(
    "make",
    [
        lambda: _note(role="user", content="Hi"),
        lambda: {"role": "user", "content": "Hi"},
        lambda: UserMessage("Hi"),
        lambda: ChatMessage(content="Hi"),
    ],
    ids=["pydantic", "dict", "UserMessage", "ChatMessage"],
)
def test_error_for_a_single_message_in_place_of_a_list_tells_what_to_pass(
    make,
):
    """
    A single message is not a list of messages, even if it is iterable, as a pydantic
    model is. The error tells what to pass.
    """
    message = make()
    problem = (
        "messages: must be a str or a list of messages; pass one message as [message]"
        f" (it is {type(message).__name__})"
    )
    with pytest.raises(ArgumentError) as caught:
        wire_messages(message)

    assert problem == str(caught.value)

"""What may be passed as messages, and the list that it becomes."""

from __future__ import annotations

import collections
import types

import pytest

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
from asi1._models.messages import wire_messages
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
}
PARTS = [
    {"type": "text", "text": "What is this?"},
    {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}},
]


def said(message):
    """Return an answer with this message."""
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
        pytest.param(UserMessage(""), {"role": "user", "content": ""}, id="empty-text"),
        pytest.param(
            AssistantMessage("Hello"),
            {"role": "assistant", "content": "Hello"},
            id="assistant",
        ),
        pytest.param(
            AssistantMessage(tool_calls=(CALL,)),
            {"role": "assistant", "content": None, "tool_calls": [WIRE_CALL]},
            id="assistant-calls",
        ),
        pytest.param(
            AssistantMessage("I will look.", (CALL,)),
            {"role": "assistant", "content": "I will look.", "tool_calls": [WIRE_CALL]},
            id="assistant-text-and-calls",
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
            said(ChatMessage(role="model", content="half \ud83d")),
            {"role": "assistant", "content": "half \ufffd"},
            id="odd-answer",
        ),
        pytest.param(
            said(ChatMessage(tool_calls=(CALL,))),
            {"role": "assistant", "content": None, "tool_calls": [WIRE_CALL]},
            id="answer",
        ),
        pytest.param(
            said(ChatMessage()), {"role": "assistant", "content": ""}, id="empty-answer"
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
        pytest.param({"role": "assistant"}, {"role": "assistant"}, id="dict-as-it-is"),
        pytest.param(
            {"role": "assistant", "content": "Hi", "refusal": None, "audio": None},
            {"role": "assistant", "content": "Hi"},
            id="dict-with-nulls",
        ),
        pytest.param(
            {"role": "user", "content": tuple(PARTS)},
            {"role": "user", "content": tuple(PARTS)},
            id="dict-with-parts",
        ),
    ],
)
def test_each_kind_of_message_has_its_wire_form(message, wire):
    """
    Our message objects, the model's own, whole answers and dicts each become one dict
    of what the API takes, the server's other fields left out.
    """
    assert [wire] == wire_messages([message])


@pytest.mark.parametrize(
    "role", ["system", "user", "assistant", "tool", "developer", "function"]
)
def test_a_dict_may_have_any_role_of_the_api(role):
    """
    A dict's role is one of six.
    """
    message = {"role": role, "content": "Hi"}

    assert [message] == wire_messages([message])


def test_a_text_is_one_user_message():
    """
    A text alone is what the user says, also an empty one.
    """
    assert [{"role": "user", "content": "Hi"}] == wire_messages("Hi")
    assert [{"role": "user", "content": ""}] == wire_messages("")


MIXTURE = [
    SystemMessage("Be brief."),
    {"role": "user", "content": "How deep?"},
    said(ChatMessage(tool_calls=(CALL,))),
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
        pytest.param(lambda items: dict(enumerate(items)).values(), id="view"),
    ],
)
def test_messages_may_be_mixed_and_collected_in_any_way(collect):
    """
    Messages of all kinds may stand in one list, or come out of any iterable, and keep
    their order.
    """
    wire = wire_messages(collect(MIXTURE))

    assert ["system", "user", "assistant", "tool", "assistant", "user"] == [
        message["role"] for message in wire
    ]
    assert ["Be brief.", "How deep?", None, "9 m", "Nine.", "Thanks"] == [
        message["content"] for message in wire
    ]


def test_dicts_are_copied():
    """
    The list that is sent is not the caller's: its dicts are copies.
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
        {"role": "user", "content": "hush"}, "messages", "it is dict", id="a-dict"
    ),
    pytest.param(UserMessage("hush"), "messages", "it is UserMessage", id="a-message"),
    pytest.param(
        ChatMessage(content="hush"), "messages", "it is ChatMessage", id="an-answers"
    ),
    pytest.param(
        said(ChatMessage(content="hush")),
        "messages",
        "it is ChatCompletion",
        id="an-answer",
    ),
    pytest.param(b"hush", "messages[0]", "it is int", id="bytes"),
    pytest.param(["hush"], "messages[0]", "it is str", id="list-of-texts"),
    pytest.param([UserMessage("a"), None], "messages[1]", "NoneType", id="none-inside"),
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
        [UserMessage("a"), {"role": "user", "content": None}],
        "messages[1].content",
        "it is NoneType",
        id="content-none",
    ),
    pytest.param(
        [{"role": "user"}], "messages[0].content", "it is NoneType", id="no-content"
    ),
    pytest.param(
        [UserMessage(None)], "messages[0].content", "it is NoneType", id="object-none"
    ),
    pytest.param(
        [ToolMessage(None, "c1")],
        "messages[0].content",
        "it is NoneType",
        id="tool-none",
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
        id="content-one-part",
    ),
    pytest.param(
        [{"role": "user", "content": ["hush"]}],
        "messages[0].content",
        "it is list",
        id="parts-of-text",
    ),
    pytest.param(
        [{"role": "assistant", "content": ["hush"]}],
        "messages[0].content",
        "it is list",
        id="assistant-parts",
    ),
]


@pytest.mark.parametrize(("messages", "argument", "problem"), WRONG)
def test_the_place_of_a_mistake_is_named(messages, argument, problem):
    """
    A mistake is an `ArgumentError` that names the place and the type found there, and
    shows no content.
    """
    with pytest.raises(ArgumentError) as caught:
        wire_messages(messages)

    assert argument == caught.value.argument
    assert str(caught.value).startswith(f"{argument}: ")
    assert problem in str(caught.value)
    assert "hush" not in str(caught.value)


def test_a_message_class_of_ones_own_is_a_message():
    """
    A subclass of a message is a message of its parent's kind.
    """

    class Question(UserMessage):
        pass

    assert [{"role": "user", "content": "Hi"}] == wire_messages([Question("Hi")])


def test_an_answer_can_be_sent_back():
    """
    An answer that was read from the wire goes into the next call as it is, without the
    fields that only the server writes.
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

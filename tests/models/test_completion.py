"""
Complete answers: default values, properties that read choice 0, and notebook display.
"""

from __future__ import annotations

import inspect

import attrs
import pytest

import asi1


def fields_of(model):
    """Return the values of the fields of *model*, except those of its base class."""
    common = {each.name for each in attrs.fields(asi1.Model)}
    names = [each.name for each in attrs.fields(type(model))]
    return {name: getattr(model, name) for name in names if name not in common}


@pytest.mark.parametrize(
    ("cls", "defaults"),
    [
        (asi1.FunctionCall, {"name": "", "arguments": ""}),
        (
            asi1.ToolCall,
            {"id": "", "type": "function", "function": asi1.FunctionCall()},
        ),
        (
            asi1.ChatMessage,
            {
                "role": "assistant",
                "content": "",
                "reasoning": "",
                "tool_calls": (),
                "refusal": None,
                "_thoughts": "",  # set by the answer that has the message
            },
        ),
        (
            asi1.ChatChoice,
            {
                "index": 0,
                "message": asi1.ChatMessage(),
                "finish_reason": None,
                "stop_reason": None,
            },
        ),
        (
            asi1.Usage,
            {
                "prompt_tokens": 0,
                "completion_tokens": 0,
                "total_tokens": 0,
                "reasoning_tokens": None,
            },
        ),
        (
            asi1.ChatCompletion,
            {
                "id": "",
                "model": "",
                "object": "chat.completion",
                "created": None,
                "choices": (),
                "usage": None,
                "thoughts": "",
                "executable_data": None,
                "conversation_id": None,
                "response": asi1.ResponseInfo(),
            },
        ),
    ],
)
def test_each_field_of_an_answer_has_a_default_and_is_a_keyword_argument(cls, defaults):
    """
    An answer, and each object in an answer, can be created without arguments. The
    public fields of these objects are keyword arguments. A field that is not set has
    the value that stands for "not sent".
    """
    parameters = inspect.signature(cls).parameters.values()

    assert defaults == fields_of(cls())
    assert {inspect.Parameter.KEYWORD_ONLY} == {each.kind for each in parameters}


def answer_of(*choices):
    """Return an answer; each of *choices* is a tuple (index, text, finish reason)."""
    return asi1.ChatCompletion(
        choices=tuple(
            asi1.ChatChoice(
                index=index,
                message=asi1.ChatMessage(content=text),
                finish_reason=reason,
            )
            for index, text, reason in choices
        )
    )


@pytest.mark.parametrize(
    ("answer", "text", "reason"),
    [
        (answer_of((0, "Hi.", "stop")), "Hi.", "stop"),
        (answer_of((1, "No.", "length"), (0, "Hi.", "stop")), "Hi.", "stop"),
        (answer_of((0, "", None), (1, "No.", "length")), "", None),
        (answer_of((1, "No.", "length")), "", None),
        (answer_of(), "", None),
    ],
    ids=["one", "second", "empty", "missing", "no-choices"],
)
def test_answer_has_the_text_and_finish_reason_of_choice_0(answer, text, reason):
    """
    An answer has the text, message and finish reason of the choice with index 0, at any
    position in the list. Without this choice they are empty.
    """
    assert (text, reason) == (answer.text, answer.finish_reason)
    assert asi1.ChatMessage(content=text) == answer.message


def test_response_metadata_is_left_out_of_equality_and_repr():
    """
    Response metadata does not count when two answers are compared, and is left out of
    their ``repr``.
    """
    answer = asi1.ChatCompletion(id="7", response=asi1.ResponseInfo(status=299))

    assert answer == asi1.ChatCompletion(id="7")
    assert "299" not in repr(answer)


def test_to_dict_writes_thoughts_under_the_names_of_the_api():
    """
    ``to_dict`` has an answer's thoughts under ``thought``, and the thoughts of a
    message under ``reasoning_content``.
    """
    assert "Hm." == asi1.ChatMessage(reasoning="Hm.").to_dict()["reasoning_content"]
    assert "Hm." == asi1.ChatCompletion(thoughts="Hm.").to_dict()["thought"]


def test_notebook_shows_thoughts_text_refusal_and_tool_calls_of_an_answer():
    """
    A notebook shows an answer's thoughts, text, refusal and tool calls. If the answer
    has none of these, the notebook shows the finish reason.
    """
    call = asi1.ToolCall(function=asi1.FunctionCall(name="dive", arguments="7"))
    message = asi1.ChatMessage(content="Hi.", refusal="No.", tool_calls=(call,))
    answer = asi1.ChatCompletion(
        thoughts="Hm.", choices=(asi1.ChatChoice(message=message),)
    )

    assert (
        "<details><summary>Thoughts</summary>Hm.</details>\n\nHi.\n\n**Refused:** No."
        "\n\n**Tool call:** <code>dive(7)</code>"
    ) == answer._repr_markdown_()
    shown = answer_of((0, "", "length"))._repr_markdown_()
    assert "*(no text, finish reason: length)*" == shown
    with pytest.raises(NotImplementedError):  # this error makes IPython show Markdown
        answer._ipython_display_()


def completion(content="", reason="length", thoughts="", spent=None, **message):
    """Return an answer whose only choice has *content* and a finish reason."""
    choice = asi1.ChatChoice(
        message=asi1.ChatMessage(content=content, **message), finish_reason=reason
    )
    usage = asi1.Usage(reasoning_tokens=spent)
    return asi1.ChatCompletion(choices=(choice,), usage=usage, thoughts=thoughts)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(completion(thoughts="Hm."), id="thoughts"),
        pytest.param(completion("\n\n", thoughts="Hm."), id="blank-text"),
        pytest.param(completion(reasoning="Hm."), id="reasoning-in-message"),
        pytest.param(completion(spent=500), id="reasoning-tokens"),
        pytest.param(completion(reason="MAX_TOKENS", spent=500), id="other-word"),
    ],
)
def test_answer_that_was_cut_off_before_any_text_is_exhausted(answer):
    """
    `exhausted` is true if the model used up its tokens on thoughts: the finish reason
    is "length" or another word for it, the text is empty, and the server reports
    thoughts or reasoning tokens.
    """
    assert answer.exhausted


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(completion("Otters", thoughts="Hm."), id="text"),
        pytest.param(completion(reason="stop", thoughts="Hm."), id="stopped"),
        pytest.param(completion(reason=None, thoughts="Hm."), id="no-finish-reason"),
        pytest.param(completion(), id="no-thoughts"),
        pytest.param(completion(thoughts="\n", spent=0), id="blank-thoughts"),
        pytest.param(completion(thoughts="Hm.", refusal="No."), id="refusal"),
        pytest.param(
            completion(thoughts="Hm.", tool_calls=(asi1.ToolCall(),)), id="tool-call"
        ),
        pytest.param(asi1.ChatCompletion(thoughts="Hm."), id="no-choice"),
    ],
)
def test_answer_with_a_text_or_without_thoughts_is_not_exhausted(answer):
    """
    `exhausted` is false for an answer with a text, a refusal or a tool call. It is also
    false without thoughts, or with a finish reason other than "length".
    """
    assert not answer.exhausted


@pytest.mark.parametrize(
    ("text", "deferred"),
    [
        ("I've sent the message to the agent.", True),
        ("OK. I\u2019ve sent the message.", True),
        ("I have sent the message.", True),
        ("I've SENT the message.", True),
        ("The message was short.", False),
        ("", False),
    ],
)
def test_answer_that_says_a_message_was_sent_is_deferred(text, deferred):
    """
    `deferred` is true if the text says that a message was sent, such as "I've sent the
    message", with a straight or curly apostrophe. An answer with a tool call is not
    deferred.
    """
    assert deferred is completion(text).deferred
    assert not completion(text, tool_calls=(asi1.ToolCall(),)).deferred


CALL = asi1.ToolCall(id="c1", function=asi1.FunctionCall(name="dive", arguments="{}"))


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (
            asi1.ChatMessage(content=None, tool_calls=None, role=None, refusal=None),
            asi1.ChatMessage(),
        ),
        (
            asi1.ChatMessage(content="x", role=None, reasoning=None, extra=None),
            asi1.ChatMessage(content="x"),
        ),
        (asi1.ChatMessage(tool_calls=[CALL]), asi1.ChatMessage(tool_calls=(CALL,))),
        (asi1.ParsedMessage(content=None, parsed=1), asi1.ParsedMessage(parsed=1)),
        (asi1.ChatCompletion(choices=None, thoughts=None), asi1.ChatCompletion()),
        (
            asi1.ChatCompletion(choices=[asi1.ChatChoice()]),
            asi1.ChatCompletion(choices=(asi1.ChatChoice(),)),
        ),
        (asi1.ChatCompletionChunk(choices=[]), asi1.ChatCompletionChunk()),
        (asi1.ChatCompletionChunk(choices=None), asi1.ChatCompletionChunk()),
        (attrs.evolve(asi1.ChatCompletion(), choices=[]), asi1.ChatCompletion()),
    ],
)
def test_none_and_lists_in_a_constructor_equal_defaults_and_tuples(made, expected):
    """
    A program that was written for OpenAI's client may create an answer with None for a
    missing text, and with lists. This answer equals an answer that was created with the
    defaults and with tuples.
    """
    assert expected == made
    assert expected.to_dict() == made.to_dict()


def test_dict_in_place_of_a_choice_is_an_error():
    """
    A dict in place of a choice, which OpenAI's class would accept, is refused when the
    answer is made.
    """
    with pytest.raises(TypeError, match="must be objects such as ChatChoice, not dict"):
        asi1.ChatCompletion(choices=[{"message": {"content": "Hi"}}])

"""The error for a change of a frozen object tells how to make a changed copy."""

from __future__ import annotations

import attrs
import pytest

import asi1


MODELS = [
    (asi1.ChatMessage(), "content", "attrs.evolve(message, content=..., wire=None)"),
    (asi1.Delta(), "content", "attrs.evolve(delta, content=..., wire=None)"),
    (asi1.ChatChoice(), "message", "attrs.evolve(choice, message=..., wire=None)"),
    (asi1.Usage(), "wire", "attrs.evolve(usage, wire=...)"),
    (asi1.Model(), "extra", "attrs.evolve(model, extra=..., wire=None)"),
    (asi1.UserMessage("Hi"), "content", "attrs.evolve(message, content=...)"),
    (
        asi1.ParsedCompletion(parsed=1),
        "parsed",
        "attrs.evolve(completion, parsed=..., wire=None)",
    ),
]


@pytest.mark.parametrize(("thing", "name", "advice"), MODELS)
def test_change_of_a_frozen_object_tells_how_to_make_a_changed_copy(
    thing, name, advice
):
    """
    Setting or deleting a field of a message or an answer raises the error of attrs. The
    error shows a call that returns a changed copy, and this call works unchanged.
    """
    kind = type(thing).__name__

    for change in (lambda: setattr(thing, name, "x"), lambda: delattr(thing, name)):
        with pytest.raises(attrs.exceptions.FrozenInstanceError) as caught:
            change()
        assert f"{kind} is frozen: {advice} returns a changed copy" == str(caught.value)
        assert str(caught.value) == caught.value.msg
    called = advice.replace(advice[13 : advice.index(",")], "thing").replace("...", "1")
    assert 1 == getattr(eval(called), name)


def test_adding_to_frozen_arguments_raises_an_error_with_a_hint():
    """
    A program that adds a streamed fragment to the arguments of a frozen tool call gets
    an error that names `get_final_completion`, which has the complete tool calls.
    """
    function = asi1.FunctionCall(arguments="{")

    with pytest.raises(AttributeError, match=r"get_final_completion\(\) has the whole"):
        function.arguments += "}"


def test_error_for_an_attribute_that_is_not_a_field_suggests_no_copy():
    """
    The error for an attribute that is not a field, such as a property, does not suggest
    a changed copy, since making it would fail.
    """
    with pytest.raises(AttributeError) as caught:
        asi1.ChatCompletion().text = "x"

    assert "ChatCompletion is frozen, and has no field 'text'" == str(caught.value)


def test_subclass_that_is_not_frozen_can_be_changed():
    """
    A subclass of a message class that is made with ``attrs.define`` is not frozen: its
    objects can be constructed and changed.
    """

    @attrs.define
    class Note(asi1.ChatMessage):
        author: str = ""

    note = Note(content="Hi", author="Ada")
    note.author = "Bo"

    assert ("Hi", "Bo") == (note.content, note.author)

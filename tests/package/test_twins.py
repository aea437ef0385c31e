"""The blocking client has the same members as the async client."""

from __future__ import annotations

import pytest

import asi1

from ..support.blocking_docs import FOLDER, rewritten
from ..support.twins import differences


def test_blocking_client_has_the_same_members_as_the_async_client():
    """
    Every member that can be reached from `AsyncASI1` can be reached from `ASI1`, under
    the same name, with the same parameters, defaults and types.
    """
    walk = differences(asi1.AsyncASI1, asi1.ASI1)

    assert [] == walk.found
    assert {"create", "map", "run_tools", "stream"} <= {
        s.rpartition(".")[2] for s in walk.seen
    }
    assert {"Answers", "Chat", "ChatStream", "Completions", "Pieces", "ToolRun"} <= {
        blocking_class.__name__ for _, blocking_class in walk.paired
    }


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.py")), ids=lambda p: p.stem)
def test_blocking_docstrings_are_made_from_the_async_docstrings(path):
    """
    The docstring of each public class and method of the blocking client has the first
    paragraph and the sections of its async twin's, and says "Same as". A property has
    the whole docstring. ``python -m tests.support.blocking_docs`` writes these
    docstrings.
    """
    source = path.read_text("utf-8")

    assert rewritten(source) == source


def test_blocking_docstrings_speak_of_the_blocking_client():
    """
    The docstrings of blocking methods name threads where the async docstrings name
    tasks, and they name blocking classes and methods. An async method is named only in
    a line such as "Same as `AsyncConversation.ask`."
    """
    create = asi1.Completions.create.__doc__
    options = asi1.Completions.stream.__doc__ + asi1.Conversation.ask.__doc__

    assert "Ask the model for the next message" in create
    assert "messages: The conversation, oldest turn first" in create
    assert "APITimeoutError: A timeout passed." in create
    assert "Same as `AsyncCompletions.create`, but blocks." in create
    assert "As for `Completions.create`." in options
    assert "any thread" in asi1.ChatStream.close.__doc__
    assert "httpx.AsyncClient" in asi1.ASI1.__doc__
    assert "Whether the stream was read to its end." == asi1.ChatStream.consumed.__doc__

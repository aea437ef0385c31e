"""The JSON form of a saved conversation."""

from __future__ import annotations

import json

import pytest

import asi1

from asi1._protocol.context.history import History
from asi1._protocol.context.saved_conversation import to_json


async def test_saved_conversation_has_no_headers_key_or_timeout(fake, fake_client):
    """
    A saved conversation is JSON with a version, but without headers, API key and
    timeout; loading this JSON gives the same conversation.
    """
    chat = fake_client.conversation(
        "Be brief.", timeout=9, extra_headers={"x-secret": "s3"}, extra_body={"a": 1}
    )
    await chat.ask("A?")

    value = json.loads(chat.to_json())

    assert ("asi1.conversation", 1) == (value["kind"], value["version"])
    assert {"extra_body": {"a": 1}} == value["options"]
    assert list(chat.messages) == value["messages"]
    assert chat.to_json() == fake_client.conversation(saved=chat.to_json()).to_json()
    assert (
        chat.to_json()
        == fake_client.conversation(saved=chat.to_json().encode()).to_json()
    )


def saved(**changes):
    """Return the JSON of a saved conversation in which these values are changed."""
    return json.dumps(json.loads(to_json(History())) | changes)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "\ud800",
        saved(kind="other"),
        saved(version=2),
        saved(messages=[{"role": "otter", "content": "x"}]),
        saved(options={"temprature": 1}),
        saved(options={"temperature": 9}),
        saved(summary={"text": "x"}),
        saved(samples=[[1, 2]]),
        saved(usage=[]),
        7,
    ],
)
async def test_loading_anything_but_a_saved_conversation_is_refused(fake_client, text):
    """
    Loading refuses a value that is not a saved conversation, or that has a later
    version.
    """
    with pytest.raises(asi1.ArgumentError):
        fake_client.conversation(saved=text)

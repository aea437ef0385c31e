"""The JSON form of a saved conversation."""

from __future__ import annotations

import json

import pytest

import asi1

from asi1._protocol.context.history import History
from asi1._protocol.context.saved_conversation import from_json, to_json
from asi1._protocol.context.view import Summary


async def test_saved_conversation_has_no_headers_api_key_or_timeout(fake, fake_client):
    """
    A saved conversation is JSON with a version, and has no headers, API key or timeout.
    A conversation that is loaded from this JSON equals the original.
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
    """Return the JSON of a saved conversation in which *changes* replace values."""
    return json.dumps(json.loads(to_json(History())) | changes)


FULL = History(
    messages=(
        {"role": "user", "content": "Are otters mammals?"},
        {"role": "assistant", "content": "Yes \u2013 they are."},
    ),
    model="asi1-mini",
    options={"temperature": 0.5, "session_id": "s-1", "extra_body": {"a": [1]}},
    session=True,
    summary=Summary("They met.", 2),
    tokens=asi1.TokenEstimator(((0, 1, 10**9), (90, 2, 31))),
    ceiling=7000,
    usage=asi1.Usage(prompt_tokens=5, completion_tokens=6, total_tokens=11),
    summary_usage=asi1.Usage(
        prompt_tokens=1, completion_tokens=2, total_tokens=3, reasoning_tokens=1
    ),
)


@pytest.mark.parametrize("history", [History(), FULL], ids=["empty", "full"])
@pytest.mark.parametrize(
    "form", [str, str.encode, lambda text: bytearray(text, "utf8")]
)
def test_history_that_was_saved_and_loaded_equals_the_original(history, form):
    """
    A history that was saved and loaded equals the original. The saved JSON may be a str
    or bytes.
    """
    text = to_json(history)

    assert history == from_json(form(text))
    assert "\n" not in text


@pytest.mark.parametrize(
    "name", sorted(json.loads(to_json(FULL)).keys() - {"keep_reasoning", "session"})
)
def test_saved_conversation_without_a_required_field_is_refused(name):
    """
    A saved conversation must have all of its fields, even those that are null. Only
    ``keep_reasoning`` and ``session`` may be missing, as earlier versions did not save
    them.
    """
    value = json.loads(to_json(FULL))
    del value[name]

    with pytest.raises(asi1.ArgumentError, match=r"^saved: is not a conv") as caught:
        from_json(json.dumps(value))

    assert "saved" == caught.value.argument


@pytest.mark.parametrize("sample", [[-1, 1, 1], [1, -1, 1], [1, 1, 10**9 + 1]])
def test_token_count_below_0_or_above_10_to_the_9_is_refused(sample):
    """
    Each token count of a saved conversation must be between 0 and 10**9.
    """
    with pytest.raises(asi1.ArgumentError, match="token count is out of range"):
        from_json(saved(samples=[[1, 1, 1], sample]))


def test_loading_a_conversation_converts_numbers_and_lone_surrogates():
    """
    When a conversation is loaded, a whole number written as a float becomes an int, and
    a numeric model name a str. A lone surrogate in the summary becomes U+FFFD.
    """
    loaded = from_json(
        saved(
            model=7,
            ceiling=70.0,
            samples=[[9.0, 1.0, 3.0]],
            summary={"text": "They met\ud800.", "upto": 0.0},
            usage={"prompt_tokens": 4.0, "reasoning_tokens": None},
        )
    )

    assert ("7", 70, ((9, 1, 3),)) == (
        loaded.model,
        loaded.ceiling,
        loaded.tokens.samples,
    )
    assert Summary("They met\ufffd.", 0) == loaded.summary
    assert asi1.Usage(prompt_tokens=4) == loaded.usage
    assert {int} == set(map(type, (loaded.ceiling, *loaded.tokens.samples[0])))


@pytest.mark.parametrize("value", [7, None, {}, History()])
def test_saved_conversation_that_is_neither_str_nor_bytes_is_refused(value):
    """
    A saved conversation must be a str or bytes.
    """
    with pytest.raises(asi1.ArgumentError, match="must be the str") as caught:
        from_json(value)

    assert "saved" == caught.value.argument


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"kind": "other"}, "its kind is not"),
        ({"version": 2}, "its version is 2, not 1"),
        ({"version": 0}, "its version is 0, not 1"),
    ],
)
def test_saved_conversation_of_an_unknown_kind_or_version_is_refused(changes, problem):
    """
    A saved conversation of an unknown kind or version is refused. The error says which
    of the two is unknown.
    """
    with pytest.raises(asi1.ArgumentError, match=problem):
        from_json(saved(**changes))


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
        saved(options={"extra_headers": {"x-a": "b"}}),
        saved(options={"timeout": 9}),
        saved(summary={"text": "x"}),
        saved(samples=[[1, 2]]),
        saved(usage=[]),
        7,
    ],
)
async def test_conversation_is_not_created_from_an_invalid_saved_conversation(
    fake_client, text
):
    """
    A client creates no conversation from a value that is not a valid saved
    conversation, or that has a later version: it raises `ArgumentError`.
    """
    with pytest.raises(asi1.ArgumentError):
        fake_client.conversation(saved=text)

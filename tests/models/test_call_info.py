"""The objects that hooks get: `Call`, which is read-only, and `Wait`, with its text."""

import pickle

from datetime import UTC, datetime

import attrs
import pytest

from asi1 import Call, Wait


@pytest.mark.parametrize(
    ("wait", "text"),
    [
        (
            Wait(reason="tokens_per_minute", limit=640_000),
            "its own rate limit of 640,000 tokens per minute (tokens_per_minute)",
        ),
        (
            Wait(reason="max_concurrency", limit=4),
            "its own rate limit of 4 calls at once (max_concurrency)",
        ),
        (
            Wait(reason="retry_after", seconds=7.0),
            "a pause that the server asked for (retry_after)",
        ),
        (Wait(reason="retry", seconds=7.0), "its next attempt (retry)"),
    ],
)
def test_str_of_a_wait_names_the_reached_rate_limit(wait, text):
    """
    ``str`` of a `Wait` names the reached limit, in words and as the argument that sets
    it, so that a reader of a log can change the argument. ``seconds`` is 0 by default.
    """
    assert text == str(wait)
    assert 0.0 == Wait(reason="max_concurrency").seconds


def test_call_is_read_only_can_be_pickled_and_equals_only_itself():
    """
    Users cannot set the fields of a `Call`. Two calls are equal only if they are the
    same object, so that a hook can use a call as a key; and a call can be pickled.
    """
    call = Call(id="a", operation="chat", started_at=datetime.now(UTC))

    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        call.usage = None

    copied = pickle.loads(pickle.dumps(call))
    assert call != copied
    assert "a" == copied.id
    assert 2 == len({call, copied})

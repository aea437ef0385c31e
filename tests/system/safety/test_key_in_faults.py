"""Under each fault of the fake server, no error, answer or log contains the key."""

from __future__ import annotations

import logging
import pickle

import pytest

import asi1

from asi1.testing import FAULTS, FakeASI1

from ...support.pairs import in_pairs
from .search import KEY, found, in_error, in_records
from .talk import CREATE_AND_STREAM, call, client_of, strays


pytestmark = pytest.mark.virtual_time

LIMITS = asi1.Timeouts(total=60, first_token=20, idle=10)


class Box:
    """An object that stores its value in a slot, not in a ``__dict__``."""

    __slots__ = ("inside",)

    def __init__(self, inside):
        self.inside = inside


def test_search_finds_the_api_key_in_all_kinds_of_values():
    """
    `found` and `in_error`, on which these tests rely, find the API key in containers,
    attributes, slots, bytes, and errors with their causes.
    """
    error, cause = ValueError("x"), ValueError(KEY)
    error.__cause__ = cause
    error.note = {"a": [b"-" + KEY.encode()]}

    assert [] == found({"a": [Box("x"), ValueError("x"), b"x"]})
    assert found(Box(Box(KEY)))
    assert found({KEY: 1})
    assert found(Box([{"a": (KEY,)}]))
    assert {"[0].__cause__", "[0].note['a'][0]"} <= set(found(error))
    assert in_error(ValueError(KEY))


def test_search_finds_the_api_key_in_local_variables():
    """
    `in_error` finds the API key in the local variables of an error's traceback.
    """

    def fail(_):
        raise LookupError("lost")

    with pytest.raises(LookupError, match="lost") as caught:
        fail(KEY)

    assert any("traceback" in place for place in in_error(caught.value))


@in_pairs("fault", sorted(FAULTS), "stream", CREATE_AND_STREAM)
async def test_call_under_a_fault_does_not_show_the_api_key(caplog, fault, stream):
    """
    Under each fault, no error, answer, stream, client or log record contains the API
    key, and each request has the key in its Authorization header only.
    """
    caplog.set_level(logging.DEBUG)
    fake = FakeASI1(seed=5)
    small = {"mib": 1} if "mib" in FAULTS[fault].options else {}
    fake.fault(fault, times=None, **small)

    async with client_of(fake, timeout=LIMITS) as client:
        result, opened = await call(client, stream=stream)

        assert [] == found(result, opened, client)
        if isinstance(result, asi1.ASI1Error):
            assert [] == in_error(result)
        assert KEY.encode() not in pickle.dumps(result)

    assert fake.requests
    assert [] == strays(fake.requests)
    assert [] == in_records(caplog.records)


@pytest.mark.parametrize("stream", CREATE_AND_STREAM, ids=["create", "stream"])
async def test_hooks_do_not_see_an_echoed_api_key(stream):
    """
    If the server's error message echoes the API key, hooks do not see the key, even
    hooks that see contents.
    """
    fake, seen = FakeASI1(seed=5), []
    fake.fail(503, body=f"busy, {KEY}", times=None)
    hooks = asi1.Hooks(on_retry=seen.append, on_end=seen.append, contents=True)

    async with client_of(fake, hooks=hooks) as client:
        await call(client, stream=stream)

    assert 3 == len(seen)
    assert [] == found(seen)

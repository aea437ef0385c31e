"""Errors of invalid arguments, and of closed clients, do not contain the key."""

from __future__ import annotations

import copy
import pickle

import httpx
import pytest

import asi1

from asi1.testing import FakeASI1

from .search import KEY, found, in_error
from .talk import CREATE_AND_STREAM, call, call_blocking, client_of


BOTH = pytest.mark.parametrize("make", [asi1.AsyncASI1, asi1.ASI1])
MIDDLE = len(KEY) // 2

# Each function creates a client with an invalid argument.
MISPLACED = {
    "as-base-url": lambda make: make("sk_other", KEY),
    "swapped": lambda make: make("https://otter.example", KEY),
    "in-a-url": lambda make: make("sk_other", f"https://user:{KEY}@otter.example"),
    "in-a-query": lambda make: make("sk_other", f"https://otter.example/?key={KEY}"),
    "key-header": lambda make: make(KEY, default_headers={"x-api-key": f"{KEY}\n"}),
}
NOT_STR = {
    "bytes": lambda make: make(KEY.encode()),
    "tuple": lambda make: make((KEY,)),
}
SETUPS = {
    "line-end": lambda make: make(f"{KEY}\nx"),
    "line-end-inside": lambda make: make(f"{KEY}{'a'}\n{KEY}"),
    "carriage-return": lambda make: make(f"{KEY}\rx"),
    "smart-quotes": lambda make: make(f"\u201c{KEY}\u201d"),
    "blank": lambda make: make(f"Bearer {KEY}"),
    "nul": lambda make: make(f"{KEY}\0"),
    "escape": lambda make: make(f"\x1b[31m{KEY}"),
    "zero-width": lambda make: make(f"{KEY}\u200b"),
    "surrogate": lambda make: make(f"{KEY}\ud800"),
    "umlaut": lambda make: make(f"\u00e4{KEY}"),
    "ftp": lambda make: make(KEY, "ftp://otter.example"),
    "in-clear": lambda make: make(KEY, "http://otter.example"),
    "timeout": lambda make: make(KEY, timeout=-1),
    "retries": lambda make: make(KEY, max_retries=-1),
    "both-retries": lambda make: make(KEY, max_retries=1, retry=asi1.RetryPolicy()),
    "model": lambda make: make(KEY, model=""),
    "headers": lambda make: make(KEY, default_headers={"a b": "c"}),
    "query": lambda make: make(KEY, default_query={"a": []}),
    "options": lambda make: make(KEY, default_options={"temperature": 9}),
    "unknown-option": lambda make: make(KEY, default_options={"temperatur": 1}),
    "transport": lambda make: make(KEY, transport=object()),
    "http-client": lambda make: make(KEY, http_client=object()),
    "event-bytes": lambda make: make(KEY, max_event_bytes=0),
    "child": lambda make: make("sk_other").with_options(api_key=f"{KEY}\n{KEY}"),
    "child-timeout": lambda make: make("sk_other").with_options(
        api_key=KEY, timeout=-1
    ),
    "child-model": lambda make: make(KEY).with_options(model=""),
}


def setup_error(make, setup):
    """
    Return the error that *setup* raises, with this module's frames removed from its
    traceback.
    """
    with pytest.raises(asi1.ConfigurationError) as caught:
        setup(make)
    error = caught.value
    error.__traceback__ = error.__traceback__.tb_next.tb_next
    return error


@BOTH
@pytest.mark.parametrize("name", SETUPS)
def test_error_for_a_wrong_setting_does_not_show_the_api_key(make, name):
    """
    Neither the error for an invalid setting, nor the local variables of the error's
    traceback, contain the API key.
    """
    assert [] == in_error(setup_error(make, SETUPS[name]))


@BOTH
@pytest.mark.parametrize("name", MISPLACED)
def test_error_for_an_api_key_in_a_wrong_argument_does_not_show_the_key(make, name):
    """
    The error for an API key that is passed as another argument, such as the base URL,
    does not contain the key.
    """
    assert [] == found(setup_error(make, MISPLACED[name]))


@BOTH
@pytest.mark.parametrize("name", NOT_STR)
def test_error_for_an_api_key_that_is_not_a_str_does_not_show_the_key(make, name):
    """
    An API key passed as bytes, or as a tuple because of a stray comma, is refused; the
    error does not contain the key.
    """
    assert [] == in_error(setup_error(make, NOT_STR[name]))


@BOTH
@pytest.mark.parametrize("variable", ["ASI_ONE_API_KEY", "ASI1_API_KEY"])
@pytest.mark.parametrize(
    "setup",
    [
        pytest.param(lambda make: make(base_url="ftp://x"), id="base-url"),
        pytest.param(lambda make: make(timeout=-1), id="timeout"),
        pytest.param(lambda make: make(max_event_bytes=0), id="event-bytes"),
        pytest.param(lambda make: make(api_key="sk\nother"), id="another-key"),
        pytest.param(lambda make: make(api_key=5), id="key-of-another-type"),
    ],
)
def test_error_for_an_argument_does_not_show_the_api_key_of_the_environment(
    monkeypatch, make, variable, setup
):
    """
    If an environment variable sets the API key, neither the error for an invalid
    argument nor the local variables of the error's traceback contain the key.
    """
    monkeypatch.setenv(variable, KEY)

    assert [] == in_error(setup_error(make, setup))


@BOTH
@pytest.mark.parametrize("form", ["{}\nx", "\u201c{}\u201d", "{} {}", "\x1b{}"])
def test_error_for_an_invalid_api_key_in_the_environment_does_not_show_the_key(
    monkeypatch, make, form
):
    """
    The error for an invalid key in an environment variable names the variable, and does
    not contain the API key.
    """
    monkeypatch.setenv("ASI1_API_KEY", form.format(KEY, KEY))

    error = setup_error(make, lambda make: make())

    assert str(error).startswith("the environment variable ASI1_API_KEY: ")
    assert [] == in_error(error)


ARGUMENTS = {
    "messages": {"messages": 5},
    "no-messages": {"messages": []},
    "temperature": {"temperature": 9},
    "unknown": {"temprature": 1},
    "timeout": {"timeout": -1},
    "header": {"extra_headers": {"x": "a\r\nb"}},
    "session": {"session_id": "a\r\nb"},
    "query": {"extra_query": {"a": []}},
    "not-json": {"extra_body": {"a": {1}}},
    "nan": {"extra_body": {"a": float("nan")}},
    "model": {"model": 5},
}


@pytest.mark.parametrize("name", ARGUMENTS)
async def test_error_for_a_wrong_argument_does_not_show_the_api_key(name):
    """
    A call with a wrong argument raises an error before anything is sent, and the error
    does not contain the API key.
    """
    fake = FakeASI1(seed=5)

    async with client_of(fake) as client:
        for stream in CREATE_AND_STREAM:
            error, _ = await call(client, stream=stream, **ARGUMENTS[name])
            assert isinstance(error, asi1.ConfigurationError)
            assert [] == in_error(error)

    assert [] == fake.requests


@pytest.mark.parametrize("name", ARGUMENTS)
def test_blocking_error_for_a_wrong_argument_does_not_show_the_api_key(name):
    """
    Neither the error of a blocking call with a wrong argument, nor the local variables
    of the error's traceback, contain the API key.
    """
    fake = FakeASI1(seed=5)

    with asi1.ASI1(KEY, fake.base_url, transport=fake.transport) as client:
        for stream in CREATE_AND_STREAM:
            error, _ = call_blocking(client, stream=stream, **ARGUMENTS[name])
            assert isinstance(error, asi1.ConfigurationError)
            assert [] == in_error(error)


async def test_error_of_a_closed_client_does_not_show_the_api_key():
    """
    The error of a call on a closed client, or on a client whose user-provided httpx
    client was closed, does not contain the API key.
    """
    fake = FakeASI1(seed=5)
    client = client_of(fake)
    await client.aclose()
    own = httpx.AsyncClient(transport=fake.transport)
    other = asi1.AsyncASI1(KEY, fake.base_url, http_client=own)
    await own.aclose()

    for closed in (client, other):
        for stream in CREATE_AND_STREAM:
            error, _ = await call(closed, stream=stream)
            assert isinstance(error, asi1.ClientClosedError)
            assert [] == in_error(error)
            assert [] == found(closed)
    await other.aclose()


@BOTH
def test_client_cannot_be_pickled_or_deep_copied(make):
    """
    A client, its `chat` and its `chat.completions` cannot be pickled or deep-copied,
    because the copy would contain the API key.
    """
    client = make(KEY, "https://otter.example")

    for thing in (client, client.chat, client.chat.completions):
        for copied in (pickle.dumps, copy.deepcopy):
            with pytest.raises(TypeError) as caught:
                copied(thing)
            assert [] == found(caught.value)
        assert [] == found(thing)


@BOTH
def test_error_for_an_invalid_character_does_not_show_the_rest_of_the_api_key(make):
    """
    If an API key is refused for one invalid character, the error contains neither the
    part of the key before that character nor the part after that character.
    """
    error = setup_error(make, lambda make: make(f"{KEY[:MIDDLE]}\n{KEY[MIDDLE:]}"))

    assert [] == in_error(error, KEY[:MIDDLE])
    assert [] == in_error(error, KEY[MIDDLE:])

"""What a client checks and imports when it is created, and what it imports later."""

from __future__ import annotations

import decimal
import functools
import math
import pathlib
import subprocess
import sys

import httpx
import pytest

import asi1

from ..support.odd_values import Ambiguous, Unprintable


CALL = """
import asyncio
import asi1
from asi1.testing import FakeASI1
fake = FakeASI1()
"""
SCRIPTS = {
    "async": CALL
    + """
async def main():
    async with asi1.AsyncASI1("k", transport=fake.transport) as client:
        await client.chat.completions.create(messages="Hi")
        await client.chat.completions.create(messages="Hi", stream=True)
asyncio.run(main())
""",
    "blocking": CALL
    + """
with asi1.ASI1("k", transport=fake.transport) as client:
    client.chat.completions.create(messages="Hi")
    client.chat.completions.create(messages="Hi", stream=True).close()
""",
}


def imported(script):
    """Return the modules of asi1 that a new interpreter imports by running *script*."""
    show = "\nimport sys\nprint(*(m for m in sys.modules if m.startswith('asi1')))"
    done = subprocess.run(
        [sys.executable, "-c", script + show],
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert "" == done.stderr
    return set(done.stdout.split())


UNUSED = {
    "asi1._blocking.conversation",
    "asi1._blocking.map",
    "asi1._blocking.to_sse",
    "asi1._call.answer_events",
    "asi1._call.chunk_sse",
    "asi1._call.concurrent_calls",
    "asi1._client.conversation",
    "asi1._client.display",
    "asi1._client.map",
    "asi1._client.to_sse",
}


@pytest.mark.system
@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS)
def test_first_call_imports_no_modules_of_unused_methods(script):
    """
    The first call of a client does not import the modules of `map`, `to_sse`, `display`
    and conversations, unless the program uses these methods.
    """
    modules = imported(script)

    assert "asi1._call.engine" in modules
    assert set() == UNUSED & modules


@pytest.mark.system
@pytest.mark.parametrize("name", ["AsyncASI1", "ASI1"])
def test_creating_a_client_imports_no_modules_that_only_calls_need(name):
    """
    A client imports the modules that only calls need when the client makes its first
    call, not when the client is created.
    """
    modules = imported(f"import asi1\nasi1.{name}('k')")

    assert "asi1._client.lazy" in modules
    needed = {"_call.engine", "_models.json_text", "_models.status_errors", "_protocol"}
    assert set() == {f"asi1.{name}" for name in needed} & modules


async def test_client_closed_while_it_prepares_its_first_call_makes_no_call(
    monkeypatch,
):
    """
    If one thread closes a client while another thread prepares the client's first call,
    that call raises and sends no request.
    """
    client = asi1.AsyncASI1("sk-test", "http://127.0.0.1:1/v1")
    make = asi1._client.lazy_engine.LazyEngine._make

    def closed_meanwhile(engine):
        made = make(engine)
        engine.shut()
        return made

    monkeypatch.setattr("asi1._client.lazy_engine.LazyEngine._make", closed_meanwhile)

    with pytest.raises(asi1.ClientClosedError):
        await client.chat.completions.create(messages="Hi")


KEY = "sk_otter-0123456789"


class Acquires:
    """A limiter without `release`."""

    async def acquire(self, tokens):
        """Allow an attempt at once."""


class Releases(Acquires):
    """A limiter with `acquire` and `release`."""

    def release(self, outcome):
        """Do nothing when an attempt ends."""


def nested(levels):
    """Return empty lists that are nested *levels* deep."""
    deep = []
    for _ in range(levels):
        deep = [deep]
    return deep


ANYTHING = {
    "no": "no",
    "empty": "",
    "key": KEY,
    "bytes": b"no",
    "key-as-bytes": KEY.encode(),
    "zero": 0,
    "one": 1,
    "negative": -1,
    "true": True,
    "false": False,
    "fraction": 1.5,
    "nan": math.nan,
    "infinity": math.inf,
    "large": 10**400,
    "longer-than-python-prints": 10**5000,
    "list": [],
    "key-in-list": [KEY],
    "dict": {},
    "tuple": (),
    "number-as-name": {1: KEY},
    "null-as-value": {"a": None},
    "list-of-pairs": [("a", "b")],
    "path": pathlib.Path("x"),
    "decimal": decimal.Decimal(1),
    "object": object(),
    "array": Ambiguous(),
    "unprintable": Unprintable(),
    "deep-list": nested(3000),
    "class": asi1.Limits,
    "limits": asi1.Limits(),
    "retry": asi1.RetryPolicy(),
    "timeouts": asi1.Timeouts(),
    "httpx-limits": httpx.Limits(),
    "httpx-client": httpx.Client,
    "limiter-class": Releases,
    "half-a-limiter": Acquires(),
    "none": None,
}
NAMES = {"no", "key"}
WHOLE = {"one", "large", "longer-than-python-prints"}
# For each argument of the constructor, the names of those values in `ANYTHING` that the
# argument accepts.
ACCEPTED = {
    "api_key": {*NAMES, "none"},
    "base_url": {"none"},
    "model": NAMES,
    "timeout": {"one", "fraction", "timeouts", "none"},
    "max_retries": {*WHOLE, "zero", "none"},
    "retry": {"retry", "none"},
    "rate_limit": {"none"},
    "limits": {"httpx-limits", "limits", "none"},
    "http_client": {"none"},
    "transport": {"none"},
    "default_headers": {"dict", "none"},
    "default_query": {"dict", "none"},
    "default_options": {"dict", "null-as-value", "none"},
    "models": {"dict", "none"},
    "prices": {"dict", "none"},
    "budget": {"none"},
    "hooks": {"list", "none", "tuple"},  # an empty list or tuple means no hooks
    "tags": {"dict", "none"},
    "cache": {"none"},
    "max_event_bytes": WHOLE,
    "trust_env": {"true", "false"},
    "allow_insecure_http": {"true", "false"},
}
BOTH = pytest.mark.parametrize("make", [asi1.AsyncASI1, asi1.ASI1])


def refusal(take, value):
    """Return the message of the error that ``take(value)`` raises, or None."""
    try:
        take(value)
    except asi1.ConfigurationError as error:
        return f"{error}"
    return None


def accepted(take):
    """Return the names of those values of `ANYTHING` that *take* accepts."""
    refusals = {name: refusal(take, value) for name, value in ANYTHING.items()}
    assert [] == [name for name, text in refusals.items() if KEY in (text or "")]
    return {name for name, text in refusals.items() if text is None}


def test_table_of_accepted_values_has_every_argument_of_the_constructor():
    """
    The table `ACCEPTED` has a row for each argument of the client's constructor.
    """
    assert set(ACCEPTED) == set(asi1.AsyncASI1.__init__.__kwdefaults__) | {
        "api_key",
        "base_url",
    }


@BOTH
@pytest.mark.parametrize("name", ACCEPTED)
def test_setting_of_a_wrong_type_is_refused_when_the_client_is_made(
    monkeypatch, make, name
):
    """
    Each argument of the constructor refuses every value of a wrong type, including None
    and false values, with an error that does not show a key.
    """
    monkeypatch.setenv("ASI1_API_KEY", "k")

    assert ACCEPTED[name] == accepted(lambda value: make(**{name: value}))


@BOTH
@pytest.mark.parametrize(
    "name",
    [
        *("api_key", "model", "timeout", "max_retries", "retry"),
        *("default_headers", "default_query", "default_options", "models"),
        *("prices", "budget", "hooks", "tags"),
    ],
)
def test_setting_of_a_wrong_type_is_refused_by_with_options(make, name):
    """
    `with_options` accepts the same values as the constructor, and None, which leaves a
    setting unchanged.
    """
    client = make("k")

    assert ACCEPTED[name] | {"none"} == accepted(
        lambda value: client.with_options(**{name: value})
    )


@BOTH
@pytest.mark.parametrize("value", ["no", "false", "0", "", 0, 1, None, [], Ambiguous()])
def test_allow_insecure_http_must_be_true_or_false(make, value):
    """
    ``allow_insecure_http`` must be True or False: a str such as "no" does not make the
    client send the key unencrypted.
    """
    with pytest.raises(
        asi1.ConfigurationError, match=r"^allow_insecure_http: must be True or False"
    ):
        make("k", "http://otter.example", allow_insecure_http=value)
    with pytest.raises(asi1.ConfigurationError, match=r"^base_url: would send the key"):
        make("k", "http://otter.example", allow_insecure_http=False)


@BOTH
def test_object_with_acquire_and_release_is_accepted_as_rate_limit(make):
    """
    Any object with the two methods of a `Limiter` is accepted as ``rate_limit``.
    """
    assert make("k", rate_limit=Releases())


FLAG = {"true", "false"}
SECONDS = {"one", "fraction"}


@pytest.mark.parametrize(
    ("cls", "field", "expected"),
    [
        (asi1.Timeouts, "total", {*SECONDS, "none"}),
        (asi1.Timeouts, "connect", {*SECONDS, "none"}),
        (asi1.Timeouts, "write", {*SECONDS, "none"}),
        (asi1.Timeouts, "pool", {*SECONDS, "none"}),
        (asi1.Timeouts, "first_token", {*SECONDS, "none"}),
        (asi1.Timeouts, "idle", {*SECONDS, "none"}),
        (asi1.RetryPolicy, "attempts", WHOLE),
        (asi1.RetryPolicy, "wait_first", {*SECONDS, "zero"}),
        (asi1.RetryPolicy, "wait_max", {*SECONDS, "zero"}),
        (asi1.RetryPolicy, "max_retry_after", {*SECONDS, "zero"}),
        (asi1.RetryPolicy, "on_timeout", FLAG),
        (asi1.Limits, "max_connections", WHOLE),
        (asi1.Limits, "keepalive_expiry", {*SECONDS, "zero"}),
        (asi1.RateLimit, "requests_per_minute", {*WHOLE, "none"}),
        (asi1.RateLimit, "requests_per_day", {*WHOLE, "none"}),
        (asi1.RateLimit, "tokens_per_minute", {*WHOLE, "none"}),
        (asi1.RateLimit, "max_concurrency", {*WHOLE, "none"}),
    ],
)
def test_setting_object_refuses_a_field_of_a_wrong_type(cls, field, expected):
    """
    `Timeouts`, `RetryPolicy`, `Limits` and `RateLimit` refuse fields of a wrong type.
    """
    assert expected == accepted(lambda value: cls(**{field: value}))


@pytest.mark.parametrize("field", ["connect", "write", "pool", "first_token", "idle"])
def test_only_the_total_timeout_may_be_the_constant_default(field):
    """
    Of the fields of `Timeouts`, only ``total`` may be `DEFAULT`, a timeout that depends
    on whether the call streams.
    """
    default = asi1.Timeouts().total

    assert asi1.Timeouts() == asi1.Timeouts(total=default)
    with pytest.raises(asi1.ConfigurationError, match=rf"^timeout: {field} must be"):
        asi1.Timeouts(**{field: default})


@BOTH
@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("timeout", "5"),
        ("timeout", True),
        ("max_retries", "2"),
        ("max_retries", True),
        ("session_id", 5),
        ("idempotency_key", b"k"),
        ("idempotency_key", Ambiguous()),
        ("extra_headers", {"x": 5}),
        ("extra_headers", {"x": b"a"}),
        ("extra_headers", {"x": Ambiguous()}),
        ("extra_headers", Ambiguous()),
        ("extra_headers", []),
        ("extra_query", Ambiguous()),
        ("extra_query", ""),
        ("stop", nested(3000)),
        pytest.param("temperature", 10**5000, id="longer-than-python-prints"),
        ("tools", Unprintable()),
        ("timeout", -1),
        ("max_retries", -1),
        ("user", "\ud800"),
        ("stop", ["a", "\ud800"]),
        ("agents", ["\ud800"]),
        ("tools", [{"type": object()}]),
        ("extra_body", {"a": float("nan")}),
        ("extra_body", {5: 1}),
        ("extra_query", {"a": "\ud800"}),
        ("extra_headers", {"a": "b\n"}),
    ],
)
def test_wrong_default_option_is_refused_when_the_client_is_made(make, option, value):
    """
    A client, `with_options`, `copy` and a conversation check their default options at
    once. This includes options outside of the request's body, such as ``timeout``. All
    other options must be values that JSON can express.
    """
    with pytest.raises(asi1.ArgumentError) as caught:
        make("k", default_options={option: value})
    for method in (make("k").with_options, make("k").copy):
        with pytest.raises(asi1.ArgumentError, match=f"^{option}: "):
            method(default_options={option: value})
    with pytest.raises(asi1.ArgumentError) as again:
        make("k").conversation(**{option: value})

    assert option == caught.value.argument == again.value.argument


@BOTH
def test_default_options_with_a_name_that_is_not_a_str_are_refused(make):
    """
    Default options with a number as a name are refused.
    """
    with pytest.raises(asi1.ArgumentError, match="names that are str"):
        make("k", default_options={1: 2})


@BOTH
@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("model", "a\ud800"),
        ("default_query", {"a": "\ud800"}),
        ("default_query", {"\udfff": 1}),
        pytest.param("default_query", {"a": 10**5000}, id="longer-than-python-prints"),
    ],
)
def test_setting_that_no_request_can_contain_is_refused_when_the_client_is_made(
    make, setting, value
):
    """
    A client, `with_options` and `copy` check at once that requests can contain the
    client's settings.
    """
    child = make("k")
    for method in (functools.partial(make, "k"), child.with_options, child.copy):
        with pytest.raises(asi1.ConfigurationError, match=f"^{setting}: contains"):
            method(**{setting: value})


@BOTH
@pytest.mark.parametrize("model", ["", 5, Ambiguous()])
def test_wrong_model_is_refused_when_a_conversation_begins(make, model):
    """
    The model of a conversation is checked when the conversation begins.
    """
    with pytest.raises(asi1.ArgumentError, match=r"^model: must be the name"):
        make("k").conversation(model=model)


@BOTH
def test_error_for_an_unknown_argument_names_no_private_class(make):
    """
    The error for an unknown argument of the constructor or of `with_options` does not
    name the private base class of the clients.
    """
    with pytest.raises(TypeError, match=r"^client\.__init__\(\) got an unexpected"):
        make("k", tiemout=5)
    with pytest.raises(TypeError, match=r"^client\.with_options\(\) got an unexpected"):
        make("k").with_options(tiemout=5)


def test_users_subclass_may_have_its_own_constructor():
    """
    A user's subclass of a client may have a constructor of its own.
    """

    class Own(asi1.ASI1):
        def __init__(self):
            super().__init__("k", model="otter")

    assert "otter" in repr(Own())

"""The settings of a client: their sources, and values that are refused."""

from __future__ import annotations

import sys

import attrs
import httpx
import pytest

import asi1

from asi1 import ConfigurationError, Limits, RetryPolicy, Timeouts
from asi1._settings.config import (
    BASE_URL,
    ClientConfig,
    check_headers,
    is_loopback,
    read_base_url,
    read_limits,
    read_model,
    read_query,
)
from asi1._settings.secret import Secret


@pytest.mark.parametrize(
    ("written", "read"),
    [
        pytest.param(
            "https://otter.example", "https://otter.example/v1", id="host-alone"
        ),
        pytest.param(
            "https://otter.example/", "https://otter.example/v1", id="trailing-slash"
        ),
        pytest.param("https://otter.example/v1", "https://otter.example/v1", id="v1"),
        pytest.param(
            "https://otter.example/v1/",
            "https://otter.example/v1",
            id="version-and-slash",
        ),
        pytest.param(
            "https://otter.example/v1/chat/completions",
            "https://otter.example/v1",
            id="endpoint",
        ),
        pytest.param(
            "https://otter.example/v1/chat/completions/",
            "https://otter.example/v1",
            id="endpoint-and-slash",
        ),
        pytest.param(
            "https://otter.example/chat/completions",
            "https://otter.example/v1",
            id="endpoint-without-version",
        ),
        pytest.param(
            "https://otter.example/proxy/asi/",
            "https://otter.example/proxy/asi",
            id="custom-path",
        ),
        pytest.param(
            "https://otter.example:8443", "https://otter.example:8443/v1", id="port"
        ),
        pytest.param(
            " https://otter.example/v1\n", "https://otter.example/v1", id="blanks"
        ),
        pytest.param(
            "HTTPS://Otter.example/V1", "https://Otter.example/V1", id="upper-case"
        ),
        pytest.param("http://[::1]:80/v1", "http://[::1]:80/v1", id="ipv6"),
        pytest.param(
            "https://otter.example/~!", "https://otter.example/~!", id="signs"
        ),
    ],
)
def test_host_versioned_url_and_endpoint_url_give_the_same_base_url(written, read):
    """
    The bare host, the URL with the API's version and the URL of the chat endpoint all
    give the same base URL; a custom path is unchanged.
    """
    assert read == read_base_url(written, {})


@pytest.mark.parametrize(
    ("value", "env", "host"),
    [
        pytest.param(None, {}, "api.asi1.ai", id="default"),
        pytest.param("https://a", {"ASI1_BASE_URL": "https://b"}, "a", id="argument"),
        pytest.param(None, {"ASI1_BASE_URL": "https://b"}, "b", id="first-variable"),
        pytest.param(
            None, {"ASI_ONE_BASE_URL": "https://c"}, "c", id="second-variable"
        ),
        pytest.param(
            None,
            {"ASI_ONE_BASE_URL": "https://c", "ASI1_BASE_URL": "https://b"},
            "b",
            id="first-variable-wins",
        ),
        pytest.param(
            None,
            {"OPENAI_BASE_URL": "https://d"},
            "api.asi1.ai",
            id="other-products-variable",
        ),
    ],
)
def test_base_url_is_read_from_argument_or_environment(value, env, host):
    """
    The base URL is the argument, else ASI1_BASE_URL, else ASI_ONE_BASE_URL, else the
    public API.
    """
    assert f"https://{host}/v1" == read_base_url(value, env)


def test_config_by_default_uses_the_public_api_and_the_model_asi1_mini():
    """
    By default a client uses ``asi1-mini`` at the public API, with default timeouts,
    retries and limits. It reads at most 16 MiB of an answer at once, and takes proxies
    from the environment.
    """
    config = ClientConfig(api_key=Secret("k"))

    assert (16_777_216, True) == (config.max_event_bytes, config.trust_env)

    assert "https://api.asi1.ai/v1" == BASE_URL == config.base_url
    assert "asi1-mini" == config.model
    assert (Timeouts(), RetryPolicy(), Limits()) == (
        config.timeouts,
        config.retry,
        config.limits,
    )


REFUSED_URLS = [
    pytest.param("", "must be a non-empty str", id="empty"),
    pytest.param("  ", "must be a non-empty str", id="blank"),
    pytest.param(5, "must be a non-empty str", id="number"),
    pytest.param(
        "otter.example/v1", "needs http:// or https:// and a host", id="no-scheme"
    ),
    pytest.param(
        "otter.example:8000", "needs http:// or https:// and a host", id="host-and-port"
    ),
    pytest.param(
        "//otter.example",
        "needs http:// or https:// and a host",
        id="slashes-without-scheme",
    ),
    pytest.param(
        "ftp://otter.example", "needs http:// or https:// and a host", id="ftp"
    ),
    pytest.param("https://", "needs http:// or https:// and a host", id="no-host"),
    pytest.param(
        "https:///v1", "needs http:// or https:// and a host", id="no-host-with-path"
    ),
    pytest.param("https://otter.example:0", "port 0", id="port-0"),
    pytest.param("https://otter.example:99999", "is not a URL", id="port-too-large"),
    pytest.param("https://otter.example:http", "is not a URL", id="port-no-number"),
    pytest.param("https://[::1", "is not a URL", id="broken-ipv6"),
    pytest.param(
        "https://otter[::1]", "has brackets around something that is", id="brackets"
    ),
    pytest.param(
        "https://me:pass@otter.example",
        "must not contain a user or password",
        id="user",
    ),
    pytest.param(
        "https://sk_otter@otter.example",
        "must not contain a user or password",
        id="key-in-url",
    ),
    pytest.param(
        "https://otter.example/v1?key=a",
        "must not contain a query or fragment",
        id="query",
    ),
    pytest.param(
        "https://otter.example/v1?",
        "must not contain a query or fragment",
        id="empty-query",
    ),
    pytest.param(
        "https://otter.example/v1#a",
        "must not contain a query or fragment",
        id="fragment",
    ),
    pytest.param(
        "https://otter.example/v1#",
        "must not contain a query or fragment",
        id="empty-fragment",
    ),
    pytest.param(
        "https://otter.example/v 1",
        "contains a space, a control character or",
        id="blank-inside",
    ),
    pytest.param(
        "https://otter.example/v\n1",
        "contains a space, a control character or",
        id="line-end",
    ),
    pytest.param(
        "https://\u00f6tter.example",
        "contains a space, a control character or",
        id="umlaut",
    ),
    pytest.param("http://otter.example", "would send the key unencrypted", id="http"),
    pytest.param("http://10.0.0.1/v1", "would send the key unencrypted", id="http-lan"),
    pytest.param(
        "http://127.0.0.1.otter.example",
        "would send the key unencrypted",
        id="lookalike",
    ),
]


@pytest.mark.parametrize(("value", "problem"), REFUSED_URLS)
def test_invalid_or_unsafe_base_url_is_refused(value, problem):
    """
    A base URL that cannot work, or would expose the key, is refused before anything is
    sent, and the error says why.
    """
    with pytest.raises(ConfigurationError) as caught:
        read_base_url(value, {})

    assert str(caught.value).startswith(f"base_url: {problem}")


@pytest.mark.parametrize("name", ["ASI1_BASE_URL", "ASI_ONE_BASE_URL"])
@pytest.mark.parametrize("value", ["", "otter.example"])
def test_error_for_an_invalid_base_url_names_its_environment_variable(name, value):
    """
    The error for a wrong base URL in an environment variable names this variable, even
    if its value is empty.
    """
    with pytest.raises(ConfigurationError) as caught:
        read_base_url(None, {name: value})

    assert str(caught.value).startswith(f"the environment variable {name}: ")


def test_error_for_a_url_does_not_show_its_password():
    """
    The error for a URL with a password shows no part of the password.
    """
    with pytest.raises(ConfigurationError) as caught:
        read_base_url("https://me:hunter2@otter.example", {})

    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("host", "here"),
    [
        ("localhost", True),
        ("otter.localhost", False),
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("0.0.0.0", False),
        ("10.0.0.1", False),
        ("::2", False),
        ("localhost.example", False),
        ("notlocalhost", False),
        ("otter.example", False),
    ],
)
def test_host_is_loopback_only_if_every_network_stack_agrees(host, here):
    """
    A host counts as loopback only if every network stack treats it as loopback; no host
    name is looked up in DNS.
    """
    assert here == is_loopback(host)


@pytest.mark.parametrize(
    "url", ["http://localhost:8000", "http://127.0.0.1", "http://[::1]"]
)
def test_plain_http_needs_a_loopback_host_or_allow_insecure_http(url):
    """
    Plain http is allowed for loopback, otherwise only with ``allow_insecure_http``.
    """
    assert f"{url}/v1" == read_base_url(url, {})
    assert "http://otter.example/v1" == read_base_url(
        "http://otter.example", {}, insecure=True
    )


@pytest.mark.parametrize("value", ["no", 1, None])
def test_allow_insecure_http_that_is_not_a_bool_is_refused(value):
    """
    ``allow_insecure_http`` must be True or False; any other value is refused.
    """
    with pytest.raises(
        ConfigurationError, match=r"^allow_insecure_http: must be True or False, not "
    ):
        read_base_url("http://otter.example", {}, insecure=value)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-otter": "a"},
        {"x-otter": ""},
        {"x!#$%&'*+.^_`|~9": "a b\tc ~"},
    ],
)
def test_headers_are_copied_with_lowercase_names(headers):
    """
    Headers of printable ASCII are accepted; the config has a copy of them with
    lowercase names.
    """
    taken = check_headers(headers, "extra_headers")

    assert headers == taken
    assert headers is not taken
    assert taken == check_headers(
        {name.upper(): value for name, value in headers.items()}, "extra_headers"
    )


@pytest.mark.parametrize(
    ("headers", "problem"),
    [
        pytest.param("x: a", "must be a mapping", id="string"),
        pytest.param([("x", "a")], "must be a mapping", id="pairs"),
        pytest.param({"": "a"}, "'' is not a valid header name", id="no-name"),
        pytest.param(
            {"x otter": "a"}, "is not a valid header name", id="blank-in-name"
        ),
        pytest.param({"x:": "a"}, "is not a valid header name", id="colon-in-name"),
        pytest.param({"x\n": "a"}, "is not a valid header name", id="line-end-in-name"),
        pytest.param(
            {"\u00f6": "a"}, "is not a valid header name", id="umlaut-in-name"
        ),
        pytest.param({5: "a"}, "is not a valid header name", id="number-as-name"),
        pytest.param({"Content-Length": "7"}, "is set by asi1 itself", id="length"),
        pytest.param(
            {"transfer-encoding": "chunked"}, "is set by asi1 itself", id="encoding"
        ),
        pytest.param({"x": "hunter2\r\nEvil: 1"}, "the value of 'x'", id="cr-lf"),
        pytest.param({"x": "hunter2\n"}, "the value of 'x'", id="line-end"),
        pytest.param({"x": "hunter2\x00"}, "the value of 'x'", id="nul"),
        pytest.param({"x": "hunter2\u2019"}, "the value of 'x'", id="not-ascii"),
        pytest.param({"x": 5}, "the value of 'x'", id="number"),
        pytest.param({"x": None}, "the value of 'x'", id="none"),
        pytest.param({"x": b"hunter2"}, "the value of 'x'", id="bytes"),
        pytest.param(
            {"x": "hunter2 "},
            "the value of 'x'",
            id="trailing-white-space",
        ),
        pytest.param(
            {"x": "\thunter2"},
            "the value of 'x'",
            id="leading-tab",
        ),
    ],
)
def test_header_that_http_does_not_allow_is_refused(headers, problem):
    """
    A header that HTTP does not allow is refused; the error never shows the header's
    value.
    """
    with pytest.raises(ConfigurationError) as caught:
        check_headers(headers, "default_headers")

    assert str(caught.value).startswith("default_headers: ")
    assert problem in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_any_model_name_is_accepted():
    """
    Any model name is accepted, since servers add models at any time.
    """
    assert "otter-9" == read_model("otter-9")


@pytest.mark.parametrize("value", ["", None, 5, b"asi1"])
def test_model_that_is_not_a_non_empty_str_is_refused(value):
    """
    A model name that is empty or not a str is refused.
    """
    with pytest.raises(
        ConfigurationError, match=r"^model: must be the name of a model"
    ):
        read_model(value)


def test_query_with_values_of_str_number_or_bool_is_copied():
    """
    Values of a query may be of type str, int, float or bool; the config has a copy.
    """
    query = {"a": "b", "n": 1, "x": 0.5, "f": True}

    assert query == read_query(query, "default_query")
    assert query is not read_query(query, "default_query")


@pytest.mark.parametrize(
    "value", ["a=b", [("a", "b")], {"a": None}, {1: "b"}, {"a": []}]
)
def test_query_with_a_name_or_value_of_a_wrong_type_is_refused(value):
    """
    A query that is not a mapping, or has a name or value of a wrong type, is refused.
    """
    with pytest.raises(ConfigurationError, match=r"^default_query: must be a mapping"):
        read_query(value, "default_query")


@pytest.mark.parametrize("value", [0, -1, 1.5, True, "5", None])
def test_limit_that_is_not_a_positive_int_is_refused(value):
    """
    Each limit of connections or bytes must be a whole number of at least 1.
    """
    with pytest.raises(
        ConfigurationError, match=r"^limits: max_connections must be a whole"
    ):
        Limits(max_connections=value)
    with pytest.raises(ConfigurationError, match=r"^max_event_bytes: must be a whole"):
        ClientConfig(api_key=Secret("k"), max_event_bytes=value)

    assert 1 == Limits(max_connections=1).max_connections
    assert 1 == ClientConfig(api_key=Secret("k"), max_event_bytes=1).max_event_bytes


def test_config_repr_shows_no_headers():
    """
    A config's repr does not show the headers, since they may contain secrets.
    """
    config = ClientConfig(api_key=Secret("k"), headers={"x-gateway-key": "hunter2"})

    assert "hunter2" not in repr(config)


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"retry": 3}, "retry"),
        ({"limits": 100}, "limits"),
        ({"trust_env": "no"}, "trust_env"),
    ],
)
def test_setting_of_a_wrong_type_is_refused(settings, name):
    """
    A setting of a wrong type is refused when the config is created, and the error names
    the setting.
    """
    with pytest.raises(ConfigurationError, match=rf"^{name}: must be "):
        ClientConfig(api_key=Secret("k"), **settings)


def test_config_takes_keyword_arguments_only():
    """
    Each setting of a config, even the API key, is a keyword-only argument.
    """
    with pytest.raises(TypeError, match="positional"):
        ClientConfig(Secret("k"))


def test_config_is_frozen():
    """
    A config cannot be changed; a client with other settings gets a changed copy.
    """
    config = ClientConfig(api_key=Secret("k"))

    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        config.model = "asi1"

    assert "asi1" == attrs.evolve(config, model="asi1").model


def test_keepalive_expiry_may_be_zero():
    """
    ``keepalive_expiry``, the seconds that an idle connection stays open, may be 0.
    """
    assert 0 == asi1.Limits(keepalive_expiry=0).keepalive_expiry
    with pytest.raises(ConfigurationError, match=r"^limits: keepalive_expiry must be"):
        asi1.Limits(keepalive_expiry=-1)


def test_only_slashes_are_removed_from_the_end_of_a_base_url():
    """
    Only slashes are removed from the end of a base URL's path, never a letter.
    """
    assert "https://otter.example/X" == read_base_url("https://otter.example/X/", {})


def test_default_limits_are_1000_connections_and_30_idle_seconds():
    """
    By default a client opens up to 1000 connections, and closes a connection that was
    idle for 30 s.
    """
    assert asi1.Limits(max_connections=1000, keepalive_expiry=30) == asi1.Limits()


@pytest.mark.parametrize(
    ("value", "limits"),
    [
        (None, Limits()),
        (Limits(max_connections=7), Limits(max_connections=7)),
        (
            httpx.Limits(
                max_connections=7, max_keepalive_connections=3, keepalive_expiry=2
            ),
            Limits(max_connections=7, keepalive_expiry=2),
        ),
        (
            httpx.Limits(max_connections=7, max_keepalive_connections=0),
            Limits(max_connections=7, keepalive_expiry=0),
        ),
        (
            httpx.Limits(keepalive_expiry=None),
            Limits(max_connections=sys.maxsize, keepalive_expiry=sys.float_info.max),
        ),
    ],
    ids=["none", "limits", "httpx", "httpx-no-keepalive", "httpx-unlimited"],
)
def test_limits_may_be_none_or_the_limits_of_httpx(value, limits):
    """
    An ``httpx.Limits`` is read as the same limits of asi1; None in it means no limit. A
    client without ``limits=`` has the default limits.
    """
    assert limits == read_limits(value)


def test_wrong_number_in_httpx_limits_is_refused():
    """
    An invalid number of connections in an ``httpx.Limits`` is refused.
    """
    with pytest.raises(ConfigurationError, match=r"^limits: max_connections must be a"):
        read_limits(httpx.Limits(max_connections=0))

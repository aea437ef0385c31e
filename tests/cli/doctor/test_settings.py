"""What the environment says of the key, the server, the proxy and the event loop."""

from __future__ import annotations

from argparse import Namespace

import pytest

from asi1.cli._doctor.settings import find_key, find_loop, find_proxy, find_url


KEY = "sk-not-to-be-seen-7d1f"
URL = "https://otter.example/v1"
PROXY = "http://user:word@proxy.example:3128"


def options(**given):
    """Return the parsed options of a command line."""
    return Namespace(**{"key_env": None, "base_url": None, **given})


@pytest.mark.parametrize(
    ("env", "told"),
    [
        ({"ASI_ONE_API_KEY": KEY}, "*** from the environment variable ASI_ONE_API_KEY"),
        ({"ASI_ONE_API_KEY": " ", "ASI1_API_KEY": f"{KEY}\n"}, "variable ASI1_API_KEY"),
        ({"ASI_ONE_API_KEY": KEY, "ASI1_API_KEY": "sk-other"}, "another key, which is"),
        ({"MINE": KEY}, "*** from the environment variable MINE"),
    ],
)
def test_api_key_is_found_in_the_variable_that_calls_use(env, told):
    """
    The report names the environment variable from which calls take the API key, and a
    second variable that has another key; it never shows a key.
    """
    key, finding = find_key(options(key_env="MINE" if "MINE" in env else None), env)

    assert KEY == key
    assert "ok" == finding.state
    assert told in finding.text
    assert "sk-" not in repr(finding)


@pytest.mark.parametrize(
    ("env", "told", "cure"),
    [
        (
            {},
            "ASI_ONE_API_KEY and ASI1_API_KEY are not set",
            "variable ASI_ONE_API_KEY",
        ),
        ({"OPENAI_API_KEY": KEY}, "are not set", "asi1 does not read OPENAI_API_KEY"),
        ({"ASI1_API_KEY": "two words"}, "invalid character at position 4", "copy it"),
    ],
)
def test_missing_or_invalid_api_key_is_a_failure_with_advice(env, told, cure):
    """A key that no call can use is a failure; the advice says where keys are made."""
    key, finding = find_key(options(), env)

    assert (None, "failed") == (key, finding.state)
    assert told in finding.text
    assert cure in finding.cure
    assert "https://asi1.ai" in finding.cure


@pytest.mark.parametrize(
    ("given", "env", "told"),
    [
        (None, {}, "https://api.asi1.ai/v1, the default"),
        (URL, {"ASI1_BASE_URL": "https://b"}, f"{URL}, from --base-url"),
        (None, {"ASI1_BASE_URL": URL}, f"{URL}, from the environment variable ASI1_"),
    ],
)
def test_base_url_is_shown_with_its_source(given, env, told):
    """The finding names the base URL, and the option or variable that it came from."""
    url, finding = find_url(options(base_url=given), env)

    assert finding.text.startswith(told)
    assert url == finding.facts["url"]


@pytest.mark.parametrize("value", ["", "otter.example", "http://otter.example"])
def test_refused_base_url_is_a_failure_with_advice(value):
    """A base URL that clients refuse is a failure that names the variable."""
    url, finding = find_url(options(), {"ASI1_BASE_URL": value})

    assert (None, "failed") == (url, finding.state)
    assert "ASI1_BASE_URL" in finding.text
    assert "https://api.asi1.ai/v1" in finding.cure


@pytest.mark.parametrize(
    ("url", "proxies", "state", "told"),
    [
        (URL, {}, "skipped", "none is set"),
        (URL, {"http": PROXY}, "skipped", "none is set"),
        (URL, {"https": PROXY}, "ok", "http://proxy.example:3128, from HTTPS_PROXY"),
        (
            URL,
            {"all": "proxy.example"},
            "ok",
            "http://proxy.example:80, from the system",
        ),
        (URL, {"https": "socks5://[::1]"}, "ok", "socks5://[::1]:1080"),
        (URL, {"https": PROXY, "no": "example"}, "skipped", "NO_PROXY names"),
        ("http://127.0.0.1:1/v1", {"http": PROXY}, "skipped", "is this machine"),
        (URL, {"https": "http://proxy:no"}, "failed", "HTTPS_PROXY is not a URL"),
        (URL, {"https": "http://"}, "failed", "HTTPS_PROXY is not a URL"),
    ],
)
def test_proxy_that_calls_use_is_shown_without_its_login(url, proxies, state, told):
    """
    The finding names the proxy that calls go through, or why they go through none; it
    shows neither the user nor the password of the proxy.
    """
    env = {"HTTPS_PROXY": proxies.get("https", "")}

    proxy, finding = find_proxy(url, env, proxies)

    assert state == finding.state
    assert told in finding.text
    assert "word" not in f"{finding}"
    assert (state == "ok") is (proxy is not None)


@pytest.mark.parametrize(
    ("value", "state"), [("", None), ("asyncio", "ok"), ("giraffe", "failed")]
)
def test_event_loop_is_shown_if_the_environment_names_one(value, state):
    """If ``ASI1_LOOP`` is set, the report shows its value, which is a failure if it is
    not valid.
    """
    finding = find_loop({"ASI1_LOOP": value})

    assert state == (finding and finding.state)

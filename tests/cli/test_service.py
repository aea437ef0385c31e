"""Which server and key a command uses, and how its errors name them."""

from __future__ import annotations

from argparse import Namespace

import pytest

import asi1

from asi1.cli import main
from asi1.cli._service import error_message

from .conftest import KEY


@pytest.fixture
def url(fake, monkeypatch):
    """Return the fake server's URL, which is set in no environment variable."""
    monkeypatch.delenv("ASI1_BASE_URL")
    return fake.base_url


def test_base_url_and_api_key_of_the_command_line_are_used(
    fake, url, monkeypatch, capsys
):
    """
    ``--base-url`` overrides the environment, and ``--key-env`` names the variable that
    has the key. Messages do not show the key.
    """
    other = "another-key-0815"
    monkeypatch.setenv("ASI1_BASE_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("MY_KEY", other)
    fake.fail(400, message=f"no {other} here")
    words = ["ask", "Why?", "--base-url", url, "--key-env", "MY_KEY"]

    assert 1 == main(words)

    assert f"Bearer {other}" == fake.requests[0].headers["authorization"]
    assert "asi1: 400: no *** here\n" == capsys.readouterr().err


@pytest.mark.parametrize(
    "source", ["variable ASI1_BASE_URL", "variable ASI_ONE_BASE_URL", "--base-url"]
)
def test_error_of_a_wrong_server_names_its_url_and_source(
    fake, url, monkeypatch, capsys, source
):
    """The error of a 404 names the base URL, and the option or variable that set it."""
    words, *name = source.split()
    words = [] if name else [words, url]
    monkeypatch.setenv(*name or ["ASI1_BASE_URL"], url)
    fake.fail(404, message="No.")

    assert 1 == main(["ask", "Why?", *words])

    told = f"(the base URL is {url}, from {'the environment ' if name else ''}{source})"
    assert f"asi1: 404: No. {told}\n" == capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "named"),
    [
        (asi1.APIConnectionError("gone"), True),
        (asi1.APITimeoutError("gone", phase="connect"), True),
        (asi1.APITimeoutError("gone", phase="total"), False),
        (asi1.StreamInterruptedError("gone"), False),
    ],
)
def test_connection_error_names_the_base_url(error, named):
    """
    A connection error names the base URL, which may be wrong, and no source for it if
    the URL is the default. An error after the server has been reached does not name the
    URL.
    """
    told = error_message(error, Namespace(base_url=None, key_env=None))

    url = "gone (the base URL is https://api.asi1.ai/v1)"
    assert (url if named else "gone") == told


@pytest.mark.parametrize("name", ["ASI_ONE_API_KEY", "ASI1_API_KEY", "MY_KEY"])
def test_refused_api_key_names_the_variable_of_the_key(fake, monkeypatch, capsys, name):
    """
    The error of a refused key names the environment variable from which the API key
    came.
    """
    monkeypatch.delenv("ASI_ONE_API_KEY")
    monkeypatch.setenv(name, KEY)
    fake.fail(401, message="Who?")

    assert 1 == main(
        ["ask", "Why?", *(["--key-env", name] if name == "MY_KEY" else [])]
    )

    assert f"(is the key in {name} valid?)" in capsys.readouterr().err

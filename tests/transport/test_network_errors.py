"""The errors of asi1's own connections, and how a program sees them."""

from __future__ import annotations

import inspect
import socket
import subprocess
import sys

import httpcore
import httpx
import pytest

from asi1._transport import network_errors
from asi1._transport.network_errors import ReadError, TransportError, as_httpx


CLASSES = [
    each
    for _, each in inspect.getmembers(network_errors, inspect.isclass)
    if issubclass(each, TransportError)
]


@pytest.mark.parametrize("kind", CLASSES)
def test_error_has_the_bases_that_httpx_gives_it(kind):
    """
    Each error has the name of one of httpx's classes, and bases of the same names.
    """
    bases = [each.__name__ for each in getattr(httpx, kind.__name__).__mro__]

    own = [each.__name__ for each in kind.__mro__]
    assert own == [name for name in bases if name not in ("HTTPError", "RequestError")]


@pytest.mark.parametrize("kind", [each for each in CLASSES if each != TransportError])
def test_error_has_the_name_of_an_error_of_httpcore(kind):
    """
    httpcore, too, has an error of each name but that of the base class.
    """
    assert issubclass(getattr(httpcore, kind.__name__), Exception)


@pytest.mark.parametrize("kind", CLASSES)
def test_program_with_httpx_sees_an_error_of_httpx(kind):
    """
    In a program that has imported httpx, the error becomes httpx's error of the same
    name and text, whose cause it is.
    """
    error = kind("why")
    made = as_httpx(error)

    assert type(made) is getattr(httpx, kind.__name__)
    assert ("why", error) == (str(made), made.__cause__)


def test_other_error_stays_as_it_is():
    """
    An error of another library is not replaced, even if httpx has a class of its name.
    """

    class ReadTimeout(Exception):  # noqa: N818 - the name of httpx's class
        pass

    for error in (OSError("why"), ReadTimeout("why"), httpx.ReadError("why")):
        assert as_httpx(error) is error


def test_program_without_httpx_sees_the_error_itself(monkeypatch):
    """
    In a program that has not imported httpx, the error stays as it is.
    """
    monkeypatch.delitem(sys.modules, "httpx")
    error = ReadError("why")

    assert as_httpx(error) is error


FAILING = """
import sys

import asi1

{more}
try:
    with asi1.ASI1("sk-test", "http://127.0.0.1:{port}", max_retries=0) as client:
        client.chat.completions.create(messages="Hi")
except asi1.APIConnectionError as error:
    print(type(error.__cause__).__name__, type(error.__cause__).__module__)
    print("httpx" in sys.modules)
"""


@pytest.mark.system
@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("import httpx", "ConnectError httpx\nTrue\n"),
        ("", "ConnectError asi1._transport.network_errors\nFalse\n"),
    ],
    ids=["with", "without"],
)
def test_cause_of_a_failed_call_is_of_httpx_if_the_program_uses_httpx(more, expected):
    """
    The cause of a call's error is an error of httpx if the program has imported httpx;
    otherwise the failed call does not import it.
    """
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    program = FAILING.format(more=more, port=port)
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )

    assert (expected, "") == (done.stdout, done.stderr)

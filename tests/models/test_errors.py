"""The tree of errors, and what each of them says."""

from __future__ import annotations

import re

import pytest

import asi1

from asi1._models import errors as _errors
from asi1._models.response import read_info
from asi1._protocol.reply import read_error
from asi1._settings.secret import Secret


SECRET = Secret("sk_otter0123456789")

DRAWN = re.compile(r"^(?P<branch>[ │├└─]*)(?P<name>\w+Error)\b(?: +(?P<note>.+))?$")
STANDARD = {
    "ASI1Error": Exception,
    "ConfigurationError": ValueError,
    "ArgumentError": TypeError,
}


def drawing():
    """Return each class drawn in the module's docstring: its parent and its note."""
    above = []
    drawn = {}
    for line in _errors.__doc__.splitlines():
        if match := DRAWN.match(line):
            depth = len(match["branch"]) // 4 - 1
            above[depth:] = [match["name"]]
            drawn[match["name"]] = (above[depth - 1] if depth else None, match["note"])
    return drawn


def classes():
    """Return the error classes of asi1 by their names."""
    things = {name: getattr(asi1, name) for name in asi1.__all__}
    return {
        name: thing
        for name, thing in things.items()
        if isinstance(thing, type) and issubclass(thing, asi1.ASI1Error)
    }


def test_the_tree_is_as_drawn():
    """
    The tree in the docstring holds every error class, each below its parent.
    """
    tree = {
        name: (None if name == "ASI1Error" else cls.__bases__[0].__name__)
        for name, cls in classes().items()
    }

    assert tree == {name: parent for name, (parent, _) in drawing().items()}


def test_the_standard_library_sees_wrong_arguments_as_such():
    """
    Beside their own parents, wrong set-ups are ValueErrors, wrong arguments TypeErrors.
    """
    others = {
        name: cls.__bases__[-1]
        for name, cls in classes().items()
        if len(cls.__bases__) > 1 or name == "ASI1Error"
    }

    assert STANDARD == others
    assert issubclass(asi1.ArgumentError, ValueError)


@pytest.mark.parametrize(
    ("name", "note"),
    [
        pytest.param(name, note, id=name)
        for name, (parent, note) in drawing().items()
        if parent == "APIStatusError"
    ],
)
def test_each_status_has_the_class_drawn_for_it(name, note):
    """
    A reply becomes the error that the tree draws for its status.
    """
    status = int(note[:3])

    error = read_error(read_info(status, {}), b"", SECRET, wall=0)

    assert name == type(error).__name__
    assert status == error.status_code


def test_other_statuses_are_plain_status_errors():
    """
    A status that the tree does not draw is an `APIStatusError` as such.
    """
    drawn = {
        int(n[:3]) for p, n in drawing().values() if p == "APIStatusError" and n
    } | set(range(500, 600))

    for status in set(range(300, 600)) - drawn:
        assert asi1.APIStatusError is type(
            read_error(read_info(status, {}), b"", SECRET, wall=0)
        )


@pytest.mark.parametrize("name", ["ASI1Error", "StreamClosedError", "APITimeoutError"])
def test_an_error_says_its_message(name):
    """
    The text of an error is its message, its repr has the class too.
    """
    error = classes()[name]("no otters left")

    assert "no otters left" == str(error) == error.message
    assert ("no otters left",) == error.args
    assert f"{name}('no otters left')" == repr(error)


def test_a_refusal_says_its_status():
    """
    The text of a refusal begins with its status.
    """
    error = asi1.NotFoundError("no such otter", status_code=404)

    assert "404: no such otter" == str(error)
    assert "NotFoundError('404: no such otter')" == repr(error)
    assert "no such otter" == error.message


def test_an_error_has_the_servers_name_for_the_request():
    """
    Every failed call tells the request's id, None without one.
    """
    response = asi1.ResponseInfo(request_id="req_1")

    assert "req_1" == asi1.APIError("no", response=response).request_id
    assert asi1.APITimeoutError("no").request_id is None


def test_a_wrong_argument_is_named():
    """
    An `ArgumentError` is caught as what it is, with the name of the argument.
    """
    with pytest.raises(TypeError, match="too hot") as caught:
        raise asi1.ArgumentError("too hot", argument="temperature")

    assert "temperature" == caught.value.argument
    assert isinstance(caught.value, asi1.ConfigurationError)


def test_errors_have_what_their_kind_needs_by_default():
    """
    What is not known of a failure has a default, so that handlers need no guards.
    """
    stream = asi1.StreamTruncatedError("cut")
    lost = asi1.APIConnectionError("lost")
    slow = asi1.APITimeoutError("slow")

    assert "" == stream.partial.text
    assert (True, True) == (lost.sent, lost.retryable)
    assert ("total", 0.0, None) == (slow.phase, slow.elapsed, slow.partial)
    assert () == stream.response.attempts


def test_only_the_same_kind_is_equal():
    """
    An error equals no other thing, and none of another class.
    """
    assert asi1.ASI1Error("a") == asi1.ASI1Error("a")
    assert asi1.ASI1Error("a") != asi1.ASI1Error("b")
    assert asi1.ASI1Error("a") != asi1.APIError("a")
    assert asi1.ASI1Error("a") != "a"
    assert 1 == len({asi1.ASI1Error("a"), asi1.ASI1Error("a")})

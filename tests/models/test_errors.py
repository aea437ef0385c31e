"""The class hierarchy of errors, and the message and fields of each error."""

from __future__ import annotations

import inspect
import re
import traceback

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
    """
    Return, for each error class, its parent and the note beside its name in the class
    tree that the docstring of ``_models/errors.py`` draws.
    """
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
    public = {name: getattr(asi1, name) for name in asi1.__all__}
    return {
        name: value
        for name, value in public.items()
        if isinstance(value, type) and issubclass(value, asi1.ASI1Error)
    }


def test_error_hierarchy_is_as_the_docstring_of_errors_py_draws_it():
    """
    The docstring of ``_models/errors.py`` draws a tree of the error classes. The tree
    shows every error class below its parent class.
    """
    tree = {
        name: (None if name == "ASI1Error" else cls.__bases__[0].__name__)
        for name, cls in classes().items()
    }

    assert tree == {name: parent for name, (parent, _) in drawing().items()}


def test_setting_error_is_a_value_error_and_argument_error_a_type_error():
    """
    An error for a wrong setting is also a ValueError; an error for a wrong argument is
    also a TypeError. So code can catch these errors without naming classes of asi1.
    """
    standard = {
        name: cls.__bases__[-1]
        for name, cls in classes().items()
        if len(cls.__bases__) > 1 or name == "ASI1Error"
    }

    assert STANDARD == standard
    assert issubclass(asi1.ArgumentError, ValueError)


@pytest.mark.parametrize(
    ("name", "note"),
    [
        pytest.param(name, note, id=name)
        for name, (parent, note) in drawing().items()
        if parent == "APIStatusError"
    ],
)
def test_status_becomes_the_error_class_that_the_docstring_of_errors_py_shows(
    name, note
):
    """
    A response with an error status becomes the error class that the docstring of
    ``_models/errors.py`` shows for this status.
    """
    status = int(note[:3])

    error = read_error(read_info(status, {}), b"", SECRET, wall=0)

    assert name == type(error).__name__
    assert status == error.status_code


def test_status_not_in_the_docstring_of_errors_py_becomes_api_status_error():
    """
    A response with an error status that the docstring of ``_models/errors.py`` does not
    show becomes an `APIStatusError`.
    """
    drawn = {
        int(n[:3]) for p, n in drawing().values() if p == "APIStatusError" and n
    } | set(range(500, 600))

    for status in set(range(300, 600)) - drawn:
        assert asi1.APIStatusError is type(
            read_error(read_info(status, {}), b"", SECRET, wall=0)
        )


@pytest.mark.parametrize("name", ["ASI1Error", "StreamClosedError", "APITimeoutError"])
def test_str_and_repr_of_an_error_show_its_message(name):
    """
    ``str`` of an error is its message; ``repr`` shows the error's class and message.
    """
    error = classes()[name]("no otters left")

    assert "no otters left" == str(error) == error.message
    assert ("no otters left",) == error.args
    assert f"{name}('no otters left')" == repr(error)


def test_str_of_a_status_error_begins_with_the_status():
    """
    ``str`` of a status error is the HTTP status, a colon and the message.
    """
    error = asi1.NotFoundError("no such otter", status_code=404)

    assert "404: no such otter" == str(error)
    assert "NotFoundError('404: no such otter')" == repr(error)
    assert "no such otter" == error.message


def test_api_error_has_the_request_id():
    """
    ``request_id`` of an API error is the request id of the response, or None if the
    response has no request id.
    """
    response = asi1.ResponseInfo(request_id="req_1")

    assert "req_1" == asi1.APIError("no", response=response).request_id
    assert asi1.APITimeoutError("no").request_id is None


def test_argument_error_names_the_argument():
    """
    The field ``argument`` of an `ArgumentError` is the name of the wrong argument.
    """
    with pytest.raises(TypeError, match="too hot") as caught:
        raise asi1.ArgumentError("too hot", argument="temperature")

    assert "temperature" == caught.value.argument
    assert isinstance(caught.value, asi1.ConfigurationError)


def test_error_created_from_a_message_alone_has_defaults_in_other_fields():
    """
    An error that is created from a message alone has a default value in every other
    field. So code that handles the error can read every field.
    """
    stream = asi1.StreamTruncatedError("cut")
    lost = asi1.APIConnectionError("lost")
    slow = asi1.APITimeoutError("slow")

    assert "" == stream.partial.text
    assert (True, True) == (lost.sent, lost.retryable)
    assert ("total", 0.0, None) == (slow.phase, slow.elapsed, slow.partial)
    assert () == stream.response.attempts


@pytest.mark.parametrize("name", sorted(classes()))
def test_every_error_class_inherits_constructor_and_equality_from_asi1error(name):
    """
    The constructor of each error class takes the message first and all other fields by
    keyword, except the request, which is second as in OpenAI's class. ``args`` has only
    the message. Equality, hash, repr and pickling are inherited from `ASI1Error`.
    """
    cls = classes()[name]
    first, *others = inspect.signature(cls).parameters.values()

    assert "message" == first.name
    named = [each.kind for each in others if each.name != "request"]
    assert {inspect.Parameter.KEYWORD_ONLY} >= set(named)
    assert ("no",) == cls("no").args == cls(message="no").args
    assert "__slots__" not in vars(cls)
    for method in ("__eq__", "__hash__", "__repr__", "__reduce__"):
        assert getattr(asi1.ASI1Error, method) is getattr(cls, method)


COMMON = {"code": None, "type": None, "body": None, "retry_after": None}


@pytest.mark.parametrize(
    ("name", "defaults"),
    [
        ("ArgumentError", {"argument": ""}),
        ("APIResponseError", COMMON | {"retryable": False}),
        ("ServerStreamError", COMMON | {"retryable": False}),
        ("StreamDecodeError", {"snippet": ""}),
        ("APIStatusError", COMMON | {"status_code": 0, "param": None}),
        ("ContextLengthError", COMMON | {"limit": None, "requested": None}),
    ],
)
def test_error_created_from_a_message_alone_has_no_code_and_is_not_retryable(
    name, defaults
):
    """
    An error that is created from a message alone has no code, body, status code or
    token limit, and is not retryable.
    """
    error = classes()[name]("no")

    assert defaults == {field: getattr(error, field) for field in defaults}


def test_errors_of_different_classes_or_messages_are_not_equal():
    """
    Two errors are equal only if their classes and their field values are equal.
    """
    assert asi1.ASI1Error("a") == asi1.ASI1Error("a")
    assert asi1.ASI1Error("a") != asi1.ASI1Error("b")
    assert asi1.ASI1Error("a") != asi1.APIError("a")
    assert asi1.ASI1Error("a") != "a"
    assert 1 == len({asi1.ASI1Error("a"), asi1.ASI1Error("a")})


@pytest.mark.system
@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("Wait\x1b[2J\x07.", "Wait\u241b[2J\u2407."),
        ("a\u202eb\u200b\u2066c", "a\ufffdb\ufffdc"),
        ("one\r\ntwo\u2028three", "one\ntwo\nthree"),
        ("Gänse \U0001f986", "Gänse \U0001f986"),
    ],
)
@pytest.mark.parametrize("name", sorted(classes()))
def test_str_repr_and_traceback_of_an_error_have_no_control_characters(
    name, message, shown
):
    """
    ``str``, ``repr``, ``format`` and the traceback of an error contain no control or
    invisible characters. Only the field ``message`` keeps these characters.
    """
    cls = classes()[name]
    more = {"status_code": 400} if issubclass(cls, asi1.APIStatusError) else {}
    error = cls(message, **more)

    traced = "".join(traceback.format_exception(error))
    shown = f"400: {shown}" if more else shown
    assert (message, shown, shown) == (error.message, str(error), f"{error}")
    assert f"{error!r}".isprintable()
    assert f": {shown}" in traced


def test_server_message_is_shown_without_control_characters(blocking_client, fake):
    """
    ``str`` of a status error, and the ``cause`` of each attempt, contain the server's
    message without control characters.
    """
    fake.fail(status=400, message="\x1b]0;own\x07\u202eno")

    with pytest.raises(asi1.BadRequestError) as raised:
        blocking_client.chat.completions.create(messages="Hi")

    error = raised.value
    assert "\x1b]0;own\x07\u202eno" in error.message
    assert "\u241b]0;own\u2407\ufffdno" in str(error)
    assert str(error) in error.response.attempts[0].cause

"""The API key is removed from the errors that a caller gets, and from their causes."""

from __future__ import annotations

from collections import OrderedDict
from contextlib import suppress
from typing import Any, NamedTuple

import attrs
import httpx
import pytest

import asi1

from asi1._call.scrub_errors import scrub
from asi1._settings.secret import Secret

from ..support.calls import KEY


@pytest.mark.parametrize(
    ("body", "scrubbed"),
    [
        pytest.param(f"no {KEY} here", "no *** here", id="str"),
        pytest.param(f"no {KEY}".encode(), b"no ***", id="bytes"),
        pytest.param(bytearray(KEY.encode()), b"***", id="bytearray"),
        pytest.param([KEY, 5, None], ["***", 5, None], id="list"),
        pytest.param((KEY, "a"), ("***", "a"), id="tuple"),
        pytest.param({KEY: {"a": [KEY]}}, {"***": {"a": ["***"]}}, id="dict"),
        pytest.param(1.5, 1.5, id="number"),
    ],
)
def test_api_key_echoed_in_an_error_body_is_replaced_by_stars(body, scrubbed):
    """
    Wherever an error body echoes the API key, the key is replaced by stars; the
    structure of the body does not change.
    """
    error = asi1.APIStatusError("no", status_code=400, body=body)
    scrub(error, Secret(KEY))

    assert scrubbed == error.body
    assert 400 == error.status_code


def raised(error, cause=None, context=None):
    """Raise and catch *error*; return it with the given *cause* and *context*."""
    error.__cause__, error.__context__ = cause, context
    with suppress(type(error)):
        raise error
    error.__context__ = context
    return error


def test_api_key_is_removed_from_the_chain_of_causes():
    """
    The causes of an error stay in order, and their messages lose only the API key. The
    tracebacks of the causes and the `request` of an httpx error are removed, since both
    contain the key.
    """
    first = raised(RuntimeError(f"first {KEY}", 5))
    request = httpx.Request("GET", "https://x", headers={"authorization": KEY})
    second = httpx.ConnectError(f"second {KEY}", request=request)
    second = raised(second, context=first)
    third = raised(RuntimeError(f"third {KEY}", 5), second, ValueError(KEY))
    error = asi1.APIConnectionError(f"no {KEY}")
    error.__cause__, error.__context__ = third, ValueError(KEY)
    error.__traceback__ = third.__traceback__
    scrub(error, Secret(KEY))

    assert ("no ***", ("no ***",)) == (error.message, error.args)
    assert (None, None) == (error.__context__, error.__traceback__)
    assert [("third ***", 5), ("second ***",), ("first ***", 5)] == [
        each.args for each in (third, second, first)
    ]
    assert [None] * 3 == [each.__traceback__ for each in (third, second, first)]
    assert (third, second, first) == (
        error.__cause__,
        third.__cause__,
        second.__cause__,
    )
    with pytest.raises(RuntimeError, match="not been set"):
        _ = second.request
    assert not hasattr(third, "request")


def test_values_without_the_api_key_are_not_copied():
    """
    `scrub` does not copy the response metadata, the body and the partial answer of an
    error if they do not contain the API key.
    """
    response = asi1.ResponseInfo(status=500, headers={"a": "b"})
    partial = asi1.ChatCompletion(id="c", extra={"a": [1, None]})
    error = asi1.StreamTruncatedError("no", partial=partial, response=response)
    scrub(error, Secret(KEY))

    assert response is error.response
    assert partial is error.partial


class Pair(NamedTuple):
    """A named tuple: it is made from separate arguments, not from one iterable."""

    first: object
    second: object


class Holder:
    """An object with the key in an attribute."""

    def __init__(self):
        self.headers = {"authorization": KEY}

    def __repr__(self):
        return f"Holder({KEY})"


class SlotError(Exception):
    """An error with an attribute in a slot, which is not in ``vars``."""

    __slots__ = ("note",)


class RequestError(Exception):
    """An error whose ``str`` shows its request, as the errors of aiohttp do."""

    def __init__(self, request):
        super().__init__(request)
        self.request = request

    def __str__(self):
        return f"{self.request.headers}"


@attrs.frozen
class FrozenError(Exception):
    """An error whose attributes cannot be set."""

    note: str


class SecretiveError(Exception):
    """An error whose str is the key, though no attribute contains the key."""

    def __str__(self):
        return KEY


def circle(*errors):
    """Link errors in a circle, each the cause of the previous one; return the first."""
    for error, cause in zip(errors, [*errors[1:], errors[0]], strict=True):
        error.__cause__ = cause
    return errors[0]


def with_attributes(error, **attributes):
    for name, value in attributes.items():
        setattr(error, name, value)
    return error


def contains_itself(kind):
    value = kind()
    if isinstance(value, dict):
        value["self"] = value
    else:
        value += [value, KEY]
    return value


def scrubbed(cause, secret=KEY):
    """Return an error with *cause* as its cause, after `scrub` has removed *secret*."""
    error = asi1.APIConnectionError("no")
    error.__cause__ = cause
    scrub(error, Secret(secret))
    return error


def seen(error):
    """Return the reprs of all messages and attributes of *error* and its causes."""
    texts, todo, ids = [], [error], set()
    while todo:
        each = todo.pop()
        if each is None or id(each) in ids:
            continue
        ids.add(id(each))
        slots = [getattr(each, n, "") for n in ("note", "strerror", "object", "obj")]
        texts.append(repr([each, str(each), each.args, vars(each), slots]))
        todo += [each.__cause__, each.__context__, *getattr(each, "exceptions", ())]
    return texts


def test_asi1_error_as_a_cause_stays_in_the_chain_and_loses_the_api_key():
    """
    A cause that is an error of asi1 stays in the chain; its message and body lose only
    the API key.
    """
    cause = asi1.APIStatusError(f"no {KEY}", status_code=400, body=[f"x {KEY}"])

    error = scrubbed(cause)

    assert error.__cause__ is cause
    assert ("no ***", ["x ***"], 400) == (cause.message, cause.body, cause.status_code)


def test_bytes_in_the_arguments_of_a_cause_lose_only_the_api_key():
    """
    The bytes in a cause's arguments stay bytes, and lose only the API key.
    """
    cause = ValueError(f"a {KEY}".encode(), bytearray(b"b"))

    scrubbed(cause)

    assert (b"a ***", b"b") == cause.args


@pytest.mark.parametrize("length", [1, 2, 3, 50])
@pytest.mark.parametrize("link", ["__cause__", "__context__"])
def test_each_cause_in_a_circle_of_causes_is_scrubbed_once(length, link):
    """
    If the last cause in an error's chain refers back to the first, each cause is
    scrubbed once. After that, the last cause has no cause.
    """
    causes = [OSError(f"{n} {KEY}") for n in range(length)]
    for cause, following in zip(causes, [*causes[1:], causes[0]], strict=True):
        setattr(cause, link, following)
    error = scrubbed(causes[0])

    found = []
    while (error := error.__cause__) is not None:
        found.append(f"{error}")
    assert [f"{n} ***" for n in range(length)] == found


def test_chain_of_causes_ends_where_it_would_lead_back_to_the_error():
    """
    If an error is the cause of its own cause, `scrub` ends the chain after that cause.
    """
    error, cause = asi1.APIConnectionError("no"), OSError("why")
    circle(error, cause)
    scrub(error, Secret(KEY))

    assert (cause, None) == (error.__cause__, cause.__cause__)


@pytest.mark.parametrize(
    ("value", "copied"),
    [
        pytest.param(Pair(KEY, 1), ("***", 1), id="named-tuple"),
        pytest.param(Pair(Pair(KEY, 1), [KEY]), (("***", 1), ["***"]), id="nested"),
        pytest.param(OrderedDict({KEY: KEY}), {"***": "***"}, id="dict-subclass"),
        pytest.param({KEY}, {"***"}, id="set"),
        pytest.param(frozenset({KEY}), {"***"}, id="frozenset"),
        pytest.param({frozenset({KEY}): 1}, {frozenset({"***"}): 1}, id="frozen-key"),
        pytest.param(Holder(), "Holder", id="object"),
        pytest.param([Holder, KEY], ["type", "***"], id="class"),
        pytest.param(2.5, 2.5, id="number"),
        pytest.param(None, None, id="none"),
    ],
)
@pytest.mark.parametrize("place", ["args", "attribute", "slot", "note"])
def test_values_of_a_cause_become_built_in_types_without_the_api_key(
    value, copied, place
):
    """
    Tuples, dicts and sets of any class in a cause's arguments and attributes become
    values of the built-in types, without the key. Other objects become the names of
    their classes.
    """
    cause = SlotError(value) if place == "args" else SlotError("why")
    if place != "args":
        names = {"attribute": "more", "slot": "note", "note": "__notes__"}
        with_attributes(cause, **{names[place]: value})
    error = scrubbed(cause)

    assert cause is error.__cause__
    kept: Any = {
        "args": lambda: cause.args[0],
        "attribute": lambda: cause.more,
        "slot": lambda: cause.note,
        "note": lambda: cause.__notes__,
    }[place]()
    assert (copied, type(copied)) == (kept, type(kept)) or {"***"} == set(kept)
    assert KEY not in f"{seen(error)}"


@pytest.mark.parametrize(
    "cause",
    [
        pytest.param(OSError(5, f"no {KEY}", KEY), id="os-error"),
        pytest.param(UnicodeDecodeError("utf-8", KEY.encode(), 0, 1, KEY), id="decode"),
        pytest.param(UnicodeEncodeError("ascii", KEY, 0, 1, "no"), id="encode"),
        pytest.param(AttributeError("no", name=KEY, obj=Holder()), id="attribute"),
        pytest.param(ImportError("no", name=KEY, path=KEY), id="import"),
        pytest.param(SyntaxError("no", (KEY, 1, 1, KEY)), id="syntax"),
        pytest.param(SystemExit(KEY), id="exit"),
        pytest.param(KeyError(KEY), id="key"),
        pytest.param(FrozenError(KEY), id="frozen"),
        pytest.param(RequestError(Holder()), id="needs-request"),
        pytest.param(SecretiveError(), id="secretive"),
        pytest.param(RuntimeError(contains_itself(list)), id="list-in-itself"),
        pytest.param(RuntimeError(contains_itself(dict)), id="dict-in-itself"),
        pytest.param(ExceptionGroup(KEY, [OSError(KEY)]), id="group"),
        pytest.param(
            ExceptionGroup("no", [RequestError(Holder()), OSError(KEY)]), id="mixed"
        ),
        pytest.param(
            ExceptionGroup("no", [ExceptionGroup(KEY, [raised(OSError(KEY))])]),
            id="group-in-group",
        ),
        pytest.param(ExceptionGroup(KEY, [RequestError(Holder())]), id="empty-group"),
        pytest.param(
            BaseExceptionGroup(KEY, [KeyboardInterrupt(KEY)]), id="base-group"
        ),
        pytest.param(
            raised(OSError("a"), OSError("b"), ValueError(KEY)), id="cause-and-context"
        ),
        pytest.param(asi1.APIStatusError(KEY, status_code=400, body=KEY), id="asi1"),
    ],
)
def test_cause_of_any_class_loses_the_api_key_or_is_left_out(cause):
    """
    No attribute of a cause shows the API key after `scrub`. A cause whose str would
    still show the key is left out, but the causes behind that cause stay.
    """
    last = cause
    while last.__cause__ is not None:
        last = last.__cause__
    last.__cause__ = OSError(f"the last {KEY}")
    error = scrubbed(cause)

    texts = seen(error)
    assert KEY not in f"{texts}"
    assert "the last ***" in texts[-1]
    assert all(each.__traceback__ is None for each in (error, cause))


@pytest.mark.parametrize(
    "cause",
    [
        pytest.param(RequestError(Holder()), id="needs-request"),
        pytest.param(SecretiveError(), id="secretive"),
        pytest.param(ExceptionGroup(KEY, [SecretiveError()]), id="empty-group"),
    ],
)
def test_error_has_no_cause_if_none_of_its_causes_can_be_cleaned(cause):
    """
    If the only cause of an error, or all of its causes, cannot be cleaned, the error
    has no cause.
    """
    assert scrubbed(cause).__cause__ is None

    last = RequestError(Holder())
    last.__cause__ = cause
    assert scrubbed(last).__cause__ is None


@pytest.mark.parametrize(("size", "second"), [(100, [5] * 100), (101, "...")])
def test_second_occurrence_of_a_large_list_in_a_cause_is_omitted(size, second):
    """
    A list of at most 100 values that occurs twice in a cause is copied twice; the
    second occurrence of a larger list is replaced by "...".
    """
    value = [5] * size
    error = scrubbed(RuntimeError([value, value]))

    assert ([5] * size, second) == tuple(error.__cause__.args[0])


@pytest.mark.parametrize(("depth", "inner"), [(98, []), (99, "...")])
def test_nested_lists_in_a_cause_are_copied_100_levels_deep(depth, inner):
    """
    Nested lists in the ``args`` of an error's ``__cause__`` are copied up to 100 levels
    deep; the tuple ``args`` is the first level.
    """
    value = []
    for _ in range(depth):
        value = [value]
    copied = scrubbed(RuntimeError(value)).__cause__.args[0]
    for _ in range(depth):
        copied = copied[0]

    assert inner == copied


def test_exception_group_that_causes_an_error_inside_it_is_scrubbed():
    """
    The API key is removed from an exception group even if the group is the cause of an
    error that it contains.
    """
    inner = OSError(KEY)
    group = ExceptionGroup("several", [inner, inner])
    inner.__cause__ = group
    error = scrubbed(group)

    assert "[OSError('***')]" == repr(list(error.__cause__.exceptions))
    assert error.__cause__.exceptions[0].__cause__ is None


def test_copy_of_a_cause_is_not_larger_than_the_cause():
    """
    If each list in a cause contains the next list twice, for many levels, the copy of
    the cause stays short, so that its scrubbing takes at most linear time.
    """
    value = [KEY]
    for _ in range(90):
        value = [value, value]
    deep = []
    for _ in range(50_000):
        deep = [deep]
    error = scrubbed(RuntimeError(value, deep, "why"))

    assert "why" == error.__cause__.args[2]
    assert len(f"{error.__cause__}") < 10_000

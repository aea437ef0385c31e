"""The checks of single settings and options, and the values that their errors show."""

from __future__ import annotations

import math
import sys
import types

from collections.abc import Mapping

import pytest

from attrs import field, frozen

from asi1 import ArgumentError, ConfigurationError
from asi1._settings.validators import (
    argument,
    flag,
    instance_of,
    is_number,
    list_of,
    mapping,
    number,
    or_none,
    seconds,
    setting,
    shown,
    string,
    string_or,
    whole_number,
    wrong,
)


MOST = sys.float_info.max
STRINGS = list_of(str, "str")


@pytest.mark.parametrize(
    ("check", "right", "wrong_values", "problem"),
    [
        (flag, [True, False], [0, 1, None, "yes"], "must be True or False"),
        (string, ["", "a"], [5, None, b"a"], "must be a str"),
        (
            mapping,
            [{}, types.MappingProxyType({})],
            [[], None, "a"],
            "must be a mapping",
        ),
        (instance_of(dict), [{}], [[], None, dict], "must be a dict"),
        (
            number(-2, 2),
            [-2, 0, 0.5, 2],
            [-2.1, 2.1, True, "1", None, math.nan],
            "must be a number from -2 to 2",
        ),
        (
            number(0),
            [0, 10**30, MOST],
            [-1e-9, False, math.inf, math.nan, 10**400],
            "must be a number of at least 0",
        ),
        (
            seconds,
            [1e-9, 5, MOST],
            [0, -1, True, "5", None, math.nan, math.inf, 10**400],
            "must be a number of seconds above 0",
        ),
        (
            whole_number(1),
            [1, 2**70],
            [0, 1.0, True, None, "1"],
            "must be a whole number of at least 1",
        ),
        (
            whole_number(),
            [-(2**70), 0],
            [0.0, False, None],
            "must be a whole number",
        ),
        (
            STRINGS,
            [[], (), ["a", "b"], ("a",)],
            ["a", {"a"}, ["a", 5], [5, "a"], None],
            "must be a list of str",
        ),
        (
            list_of(Mapping, "mappings"),
            [[{}]],
            [{}, [1]],
            "must be a list of mappings",
        ),
        (
            string_or(STRINGS, "one str"),
            ["a", ["a"]],
            [5, [5], None],
            "must be a list of str, or one str",
        ),
        (
            or_none(whole_number(1)),
            [None, 1],
            [0, False, "1"],
            "must be a whole number of at least 1, or None",
        ),
    ],
    ids=[
        "flag",
        "string",
        "mapping",
        "instance",
        "number-between",
        "number-at-least",
        "seconds",
        "whole-number-at-least",
        "whole-number",
        "list-of-str",
        "list-of-mappings",
        "str-or-list",
        "or-none",
    ],
)
def test_check_returns_none_or_a_sentence_about_the_allowed_values(
    check, right, wrong_values, problem
):
    """
    For an allowed value, bounds included, a check returns None. For any other value it
    returns a sentence that says which values are allowed.
    """
    assert [None] * len(right) == [check(value) for value in right]
    assert [problem] * len(wrong_values) == [check(value) for value in wrong_values]


@pytest.mark.parametrize(
    ("value", "finite"),
    [
        *((0, True), (-1.5, True), (MOST, True), (-MOST, True), (10**30, True)),
        *((math.inf, False), (-math.inf, False), (math.nan, False), (10**400, False)),
        *((True, False), ("1", False), (None, False)),
    ],
)
def test_is_number_accepts_finite_numbers_but_no_bool(value, finite):
    """
    `is_number` is true for an int or float whose float value is finite, and false for a
    bool.
    """
    assert finite is is_number(value)


class Unprintable:
    """An object whose repr raises an error."""

    def __repr__(self):
        raise RecursionError


@pytest.mark.parametrize(
    ("value", "text"),
    [
        *((None, "None"), (True, "True"), (5, "5"), (0.5, "0.5")),
        *(("sk_otte", "'sk_otte'"), ("sk_otter", "str"), (b"sk", "bytes")),
        *(([1], "list"), (Unprintable(), "Unprintable")),
        *((10**79, "1" + 79 * "0"), (10**80, "1" + 79 * "0"), (10**5000, "int")),
    ],
    ids=lambda value: type(value).__name__,
)
def test_error_shows_a_settings_value_only_if_the_value_cannot_be_a_key(value, text):
    """
    The error for a setting shows a number, a bool, None, or a str of less than 8
    characters. Any other value may be a key, so the error shows only its type.
    """
    assert text == shown(value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a", "'a'"),
        ("x" * 100, "'" + "x" * 79),
        ([1], "[1]"),
        (Unprintable(), "Unprintable"),
    ],
    ids=["short", "long", "list", "unprintable"],
)
def test_error_for_an_argument_shows_the_beginning_of_its_value(value, text):
    """
    The error for an argument names the argument and shows at most 80 characters of the
    value, or the type of a value that cannot be shown.
    """
    error = wrong("stop", "must be a str", value)

    assert ArgumentError is type(error)
    assert f"stop: must be a str, not {text}" == error.message
    assert "stop" == error.argument


@frozen
class Settings:
    """Settings with checks."""

    size: int = field(default=1, validator=setting(whole_number(1)))
    part: int = field(default=1, validator=setting(whole_number(1), "limits"))


def test_wrong_setting_is_refused_and_named():
    """
    The error for a wrong setting names the setting, and the argument that contains the
    setting, if any.
    """
    assert 2 == Settings(size=2).size
    with pytest.raises(ConfigurationError) as caught:
        Settings(size=0)
    assert "size: must be a whole number of at least 1, not 0" == str(caught.value)

    with pytest.raises(ConfigurationError) as caught:
        Settings(part="otter007")
    assert "limits: part must be a whole number of at least 1, not str" == str(
        caught.value
    )


@frozen
class Options:
    """Options with a check."""

    size: int = field(default=1, validator=argument(whole_number(1)))


def test_wrong_option_of_a_class_raises_an_argument_error():
    """
    A class whose fields are arguments of the user raises `ArgumentError` with the name
    of the field for a wrong value.
    """
    assert 2 == Options(size=2).size
    with pytest.raises(ArgumentError) as caught:
        Options(size=0)

    assert "size: must be a whole number of at least 1, not 0" == caught.value.message
    assert "size" == caught.value.argument

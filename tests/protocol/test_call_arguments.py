"""The arguments of a tool call grow piece by piece, and tell when they are complete."""

from __future__ import annotations

import pytest

from asi1._protocol.call_arguments import Arguments, repeats


def grown(*pieces):
    """Return the arguments made of *pieces*."""
    arguments = Arguments()
    for piece in pieces:
        arguments.add_text(piece)
    return arguments


@pytest.mark.parametrize(
    ("pieces", "whole"),
    [
        ([], False),
        (['{"x":', "1"], False),
        (['{"x":', "1}"], True),
        (['{"x":"}', '"'], False),
        (['{"x":"\\', '"}"}'], True),
        (['["a"', "]"], True),
    ],
)
def test_arguments_are_complete_when_all_brackets_outside_of_strings_are_closed(
    pieces, whole
):
    """
    Arguments are complete when each bracket outside of a string is closed, wherever the
    text is cut.
    """
    assert whole is grown(*pieces).whole


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        pytest.param(["{}", '{"x":1}'], '{"x":1}', id="empty-first"),
        pytest.param(['{"x":1}', '{"y":2}'], '{"x":1,"y":2}', id="in-parts"),
        pytest.param(['{"x":1}', '{"x":1}'], '{"x":1}', id="repeated"),
    ],
)
def test_complete_objects_are_merged_into_one(pieces, expected):
    """
    If a server sends several complete objects, the arguments are one object with the
    members of all.
    """
    assert expected == grown(*pieces).arguments()


def test_arguments_repeat_equal_json_but_not_true_for_one():
    """
    Arguments repeat others that are the same JSON with other spaces, or an empty
    object; ``true`` and ``1`` are not the same.
    """
    assert repeats('{"x": 1}', '{"x":1}')
    assert repeats('{"x": 1}', "{}")
    assert not repeats('{"x": true}', '{"x": 1}')

"""
JSON that is parsed in several short steps, so that a long text does not block the event
loop.
"""

from __future__ import annotations

import json
import random

import pytest

from asi1._models import json_steps
from asi1._models.json_steps import load_json_in_steps, loader_in_steps
from asi1._models.json_text import load_json, replace_surrogates


VALUES = [
    1,
    -2.5,
    "x",
    "a,b]",
    '{"\\',
    None,
    True,
    "\u00e9",
    "",
    12345678901234567890123,
    'A "long" text: \U0001f600, \ud55c and \\\\.\n' * 3,
]
SLIPS = [
    ",",
    "]",
    "[",
    "}",
    "{",
    '"',
    "\\",
    " ",
    "1",
    ":",
    "",
    "[]",
    "{}",
    '"a":1',
    "X",
]


def in_one_step(steps):
    """
    Run a generator to its end at once. Return its result and how many times it yielded.
    """
    count = 0
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value, count
        count += 1


def result(load, data):
    """
    Return the value that *load* reads from *data*, or the class ValueError if *load*
    raises a ValueError.
    """
    try:
        return load(data)
    except ValueError:
        return ValueError


def random_value(rng, depth=0):
    """Return a random JSON value."""
    kind = rng.random()
    if depth > 4 or kind < 0.4:
        return rng.choice(VALUES)
    size = rng.randint(0, 5)
    if kind < 0.7:
        return [random_value(rng, depth + 1) for _ in range(size)]
    return {f"{rng.choice('ab')}{n}": random_value(rng, depth + 1) for n in range(size)}


def random_text(rng):
    """Return a random JSON text, which often has one or two syntax errors."""
    value = random_value(rng)
    text = json.dumps(
        value,
        indent=rng.choice([None, 1]),
        separators=rng.choice([None, (",", ":")]),
        ensure_ascii=rng.choice([False, True]),
    )
    for _ in range(rng.choice([0, 0, 1, 2])):
        place = rng.randint(0, len(text))
        text = text[:place] + rng.choice(SLIPS) + text[place + rng.randint(0, 1) :]
    return text.encode()


@pytest.mark.system
@pytest.mark.parametrize("step", [0, 1, 5, 30, 200])
def test_parsing_in_steps_of_any_size_gives_the_value_of_load_json(step):
    """
    Parsing in steps gives the same value as `load_json`, whatever the size of a step
    and of a long string's pieces, and refuses each text that `load_json` refuses.
    """
    rng = random.Random(step)
    for _ in range(400):
        data = random_text(rng)

        def in_parts(data):
            data, _ = in_one_step(json_steps._without_surrogates(data))
            window = rng.choice([12, 15, 32, 10_000])
            return in_one_step(json_steps._load_parts(data, step, window))[0]

        assert repr(result(load_json, data)) == repr(result(in_parts, data)), data


@pytest.mark.system
@pytest.mark.parametrize("size", [40_000, 300_000, 3_000_000])
@pytest.mark.parametrize(
    "pattern",
    [
        b'{"a":"%b"}',
        b'{"n":12345678901234567890123,"a":"%b"}',
        b'{"a":"%b12345678901234567890123"}',
        b'{"a":"%b\\ud83d"}',
        b'{"a":"%b","a":2}',
        b'["%b",NaN]',
        b'["%b"',
        b'["%b",1e999]',
        b'["\xff%b"]',
        b'["%b"],',
        b"[" * 200 + b'"%b"' + b"]" * 200,
        b"[" * 201 + b'"%b"' + b"]" * 201,
    ],
)
def test_text_with_a_long_string_is_parsed_as_by_load_json(pattern, size):
    """
    JSON text that is a long string for the most part has the same value, or is refused,
    whether it is parsed in steps or by `load_json`.
    """
    data = pattern % (b"x, " * (size // 3))

    def in_steps(data):
        return in_one_step(load_json_in_steps(data))[0]

    expected, found = result(load_json, data), result(in_steps, data)
    same = expected == found
    assert same, f"{str(expected)[-20:]} is not {str(found)[-20:]}"


@pytest.mark.parametrize(
    "data", [b"[[1,2,3],]", b"[[1,2,3],,4]", b'{"a":[1,2,3],}', b"[[1,2,3]4]"]
)
@pytest.mark.parametrize("step", range(12))
def test_json_with_a_missing_item_or_comma_after_an_array_is_refused(data, step):
    """
    Invalid JSON with a missing item or comma after an array is refused, even if a
    parsing step ends at this place.
    """
    with pytest.raises(ValueError, match=r"\w"):
        in_one_step(json_steps._load_parts(data, step))


@pytest.mark.system
@pytest.mark.parametrize(
    "data",
    [
        b"[%b]" % b",".join([b"1"] * 40_000),
        b"{%b}" % b",".join(b'"k%d":"v"' % n for n in range(25_000)),
        b"[[%b]]" % b",".join([b'{"a":[1]}'] * 10_000),
        b'["%b"%b]' % (b"[,{" * 50_000, b",1" * 25_000),
        b'"%b"' % (b"x" * 9_000_000),
        b'["%b","\\ud83d"]' % (b"x" * 9_000_000),
        b"[%b]" % b",".join([b"123456789012345678901234567890"] * 25_000),
    ],
)
def test_large_text_is_parsed_in_several_steps(data):
    """
    A large text is parsed in more than one step, to the value that `load_json` gives.
    """
    value, steps = in_one_step(load_json_in_steps(data))

    assert load_json(data) == value
    assert steps > 1


SURROGATES = [
    *("\\ud83d", "\\uDE00", "\\ud83d\\ude00", "\\\\", "\\\\ud83d", "\\n", '\\"', "x"),
    *("\ud83d", "\ude00", "\ud55c"),
]


@pytest.mark.system
@pytest.mark.parametrize("step", range(1, 16))
def test_lone_surrogates_become_u_fffd_wherever_a_step_ends(step):
    """
    A lone surrogate, as an escape or as bytes, becomes U+FFFD, and a surrogate pair
    becomes its character, wherever a step ends.
    """
    rng = random.Random(step)
    for _ in range(300):
        text = f'"{"".join(rng.choices(SURROGATES, k=rng.randint(0, 12)))}"'
        data = text.encode("utf-8", "surrogatepass")
        expected = replace_surrogates(json.loads(data))

        repaired, _ = in_one_step(json_steps._without_surrogates(data, step))

        assert expected == json.loads(repaired), data
        assert expected == load_json(data), data


@pytest.mark.system
@pytest.mark.parametrize(
    "data",
    [
        b'"%b"' % (b"\\ud83d" * 200_000),
        b'["%b",12345678901234567890]' % (b"\\ud83d" * 200_000),
        b'["%b"%b]' % (b"\\ud83d" * 200_000, b",1" * 50_000),
        b'"%b"' % (b"\xed\xa0\xbd" * 400_000),
    ],
)
def test_lone_surrogates_in_a_large_text_are_replaced_in_several_steps(data):
    """
    Lone surrogates in a large text are replaced in steps of at most 64 KiB each.
    """
    value, steps = in_one_step(load_json_in_steps(data))

    assert load_json(data) == value
    assert steps > len(data) // (64 * 1024)


@pytest.mark.parametrize(
    ("small", "large"),
    [
        pytest.param(
            b"[%b0]" % (b"0," * 19_999), b"[%b0]" % (b"0," * 20_000), id="numbers"
        ),
        pytest.param(
            b"[%b[]]" % (b"[]," * 9_999), b"[%b[]]" % (b"[]," * 10_000), id="arrays"
        ),
        pytest.param(
            b"[%b{}]" % (b"{}," * 9_999), b"[%b{}]" % (b"{}," * 10_000), id="objects"
        ),
        pytest.param(
            b'"%b"' % (b"x" * (256 * 1024 - 2)),
            b'"%b"' % (b"x" * (256 * 1024 - 1)),
            id="bytes",
        ),
    ],
)
def test_text_is_parsed_at_once_up_to_20000_values_and_256_kib(small, large):
    """
    A text of at most 20,000 values and 256 KiB is parsed in one go. A larger text is
    parsed in steps.
    """
    assert (load_json(small), 0) == in_one_step(load_json_in_steps(small))
    value, steps = in_one_step(load_json_in_steps(large))
    assert load_json(large) == value
    assert steps > 0


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(b"[%b0]" % (b"0," * 50_000), 12, id="50000-small-values"),
        pytest.param(
            b"[%b0]" % ((b'"%b",' % (b"x" * 61)) * 30_000), 29, id="1920000-bytes"
        ),
        pytest.param(b"[%b]" % b",".join([b"{}"] * 20_000), 14, id="20000-containers"),
    ],
)
def test_one_parsing_step_takes_64_kib_or_4096_brackets_and_commas(data, expected):
    """
    A step ends after about 64 KiB of text, or after 4,096 brackets, commas and
    strings, whichever comes first.
    """
    _, steps = in_one_step(load_json_in_steps(data))

    assert expected == steps


@pytest.mark.system
@pytest.mark.parametrize(
    ("data", "accepted"),
    [
        (b"[%b0]" % (b"0," * 999_999), True),
        (b"[%b[]]" % (b"[],{}," * 99_999), True),
        (b"[%b[],{}]" % (b"[],{}," * 99_999), False),
        (b'["%b",0]' % (b"[,{" * 400_000), True),
    ],
)
def test_value_limits_of_load_json_hold_for_a_text_parsed_in_steps(data, accepted):
    """
    A text parsed in steps may have as many values as `load_json` allows: a million, of
    which 200,000 may be arrays and objects. Brackets and commas in strings do not
    count.
    """

    def count(data):
        return in_one_step(json_steps._check_count(data))

    assert accepted is (result(count, data) is not ValueError)


def test_values_of_a_large_text_are_counted_in_several_steps():
    """
    The values of a large text are counted in steps of 4,096 brackets and commas.
    """
    _, steps = in_one_step(json_steps._check_count(b"[%b0]" % (b"0," * 200_000)))

    assert 49 == steps


def test_large_integer_in_a_long_text_is_read_exactly():
    """
    An integer of more than 64 bits is read exactly, wherever it stands in a long text.
    """
    number = b"123456789012345678901"

    for before in (300_000, 4 * 1024 * 1024 - 10, 5_000_000):
        data = b'["%b",%b]' % (b"x" * (before - 4), number)
        (_, value), _ = in_one_step(load_json_in_steps(data))
        assert int(number) == value


@pytest.mark.system
@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b'"%b"' % (b"x" * 9_000_000), id="letters"),
        pytest.param(b'["%b",0]' % (b"\\u0416" * 800_000), id="escapes"),
        pytest.param(b'{"a":"%b"}' % ("\ud55c".encode() * 2_000_000), id="characters"),
        pytest.param(b'["%b",%b]' % (b"x" * 600_000, b"1" * 30), id="long-number"),
        pytest.param(b'["%b"%b]' % (b"x," * 3_000_000, b",[]" * 9), id="commas"),
    ],
)
def test_long_string_is_parsed_in_pieces_of_at_most_512_kib(data):
    """
    A string of more than 512 KiB, in a text that orjson does not parse in one step, is
    parsed in pieces of at most 512 KiB.
    """
    value, steps = in_one_step(load_json_in_steps(data))

    assert load_json(data) == value
    assert steps > len(data) // (512 * 1024)


def test_long_text_with_a_lone_surrogate_takes_one_more_parsing_step():
    """
    Only the slower parser reads a lone surrogate. So a long text with a lone surrogate
    takes one more step than a text of the same length that the fast parser reads.
    """
    text = b'["%b","%b"]'
    _, fast = in_one_step(load_json_in_steps(text % (b"x" * 300_000, b"\\u00e9")))
    _, slow = in_one_step(load_json_in_steps(text % (b"x" * 300_000, b"\\ud83d")))

    assert slow > fast


def test_text_that_is_not_utf8_takes_one_more_parsing_step():
    """
    A text that is not UTF-8 is repaired and then parsed a second time, which takes one
    more step.
    """
    _, steps = in_one_step(loader_in_steps(b'["\xff"]', repair=True))

    assert 1 == steps


@pytest.mark.parametrize(("depth", "accepted"), [(200, True), (201, False)])
@pytest.mark.parametrize(
    "inner",
    [
        pytest.param(b"0," * 30_000 + b"0", id="many-values"),
        pytest.param(b'"%b"' % (b"x" * 300_000), id="many-bytes"),
    ],
)
def test_text_parsed_in_steps_may_be_nested_200_levels_deep(inner, depth, accepted):
    """
    A text that is parsed in steps may be nested 200 levels deep, and no deeper.
    """
    data = b"[" * depth + inner + b"]" * depth

    def parse(data):
        return in_one_step(load_json_in_steps(data))[0]

    assert accepted is (result(parse, data) is not ValueError)
    assert repr(result(load_json, data)) == repr(result(parse, data))


@pytest.mark.system
@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"[" * 300 + b"]" * 300 + b" " * 30, "nested"),
        (b"[" * 300 + b"]" * 300 + b" " * 300_000, "nested"),
        (b"[%b]" % b",".join([b"0"] * 1_000_001), "too many values"),
        (b"[%b]" % b",".join([b"[]"] * 200_000), "too many values"),
    ],
)
def test_nesting_and_value_limits_raise_the_same_error_as_load_json(data, words):
    """
    A text parsed in steps that is nested too deeply, or has too many values, raises the
    same error as with `load_json`.
    """
    for parse in (load_json, lambda data: in_one_step(load_json_in_steps(data))):
        with pytest.raises(ValueError, match=words):
            parse(data)


def test_loader_in_steps_raises_or_repairs_a_text_that_is_not_utf8():
    """
    The function that `loader_in_steps` returns raises an error for a text that is not
    UTF-8. With ``repair=True`` it returns a value with U+FFFD instead.
    """
    broken, _ = in_one_step(loader_in_steps(b'["\xff"]'))
    repaired, _ = in_one_step(loader_in_steps(b'["\xff"]', repair=True))

    with pytest.raises(ValueError, match="codec"):
        broken(b"")
    assert ["\ufffd"] == repaired(b"")

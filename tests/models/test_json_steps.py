"""JSON that is parsed in steps."""

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
]
SLIPS = [",", "]", "[", "}", "{", '"', "\\", " ", "1", ":", "", "[]", "{}", '"a":1']


def in_one_step(steps):
    """Return what a generator returns, and the number of its steps."""
    count = 0
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value, count
        count += 1


def result(load, data):
    """Return the value in *data*, or the class of the error."""
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
    text = json.dumps(value, indent=rng.choice([None, 1]), ensure_ascii=False)
    for _ in range(rng.choice([0, 0, 1, 2])):
        place = rng.randint(0, len(text))
        text = text[:place] + rng.choice(SLIPS) + text[place + rng.randint(0, 1) :]
    return text.encode()


@pytest.mark.parametrize("step", [0, 1, 5, 30, 200])
def test_steps_of_any_size_give_the_value_that_load_json_gives(step):
    """
    Steps of any size give the same value as `load_json`, and refuse each text that
    `load_json` refuses.
    """
    rng = random.Random(step)
    for _ in range(400):
        data = random_text(rng)

        def in_parts(data):
            return in_one_step(json_steps._load_parts(data, step))[0]

        assert repr(result(load_json, data)) == repr(result(in_parts, data)), data


@pytest.mark.parametrize(
    "data",
    [
        b"[%b]" % b",".join([b"1"] * 200_000),
        b"{%b}" % b",".join(b'"k%d":"v"' % n for n in range(100_000)),
        b"[[%b]]" % b",".join([b'{"a":[1]}'] * 50_000),
        b'["%b"%b]' % (b"[,{" * 50_000, b",1" * 50_000),
        b'"%b"' % (b"x" * 9_000_000),
        b'["%b","\\ud83d"]' % (b"x" * 9_000_000),
        b"[%b]" % b",".join([b"123456789012345678901234567890"] * 50_000),
    ],
)
def test_large_text_takes_several_steps(data):
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


@pytest.mark.parametrize("step", range(1, 16))
def test_lone_surrogates_become_u_fffd_in_steps_of_any_size(step):
    """
    A lone surrogate, as an escape or as bytes, becomes U+FFFD wherever a step ends, and
    a pair becomes its character.
    """
    rng = random.Random(step)
    for _ in range(300):
        text = f'"{"".join(rng.choices(SURROGATES, k=rng.randint(0, 12)))}"'
        data = text.encode("utf-8", "surrogatepass")
        expected = replace_surrogates(json.loads(data))

        repaired, _ = in_one_step(json_steps._without_surrogates(data, step))

        assert expected == json.loads(repaired), data
        assert expected == load_json(data), data


@pytest.mark.parametrize(
    "data",
    [
        b'"%b"' % (b"\\ud83d" * 200_000),
        b'["%b",12345678901234567890]' % (b"\\ud83d" * 200_000),
        b'["%b"%b]' % (b"\\ud83d" * 200_000, b",1" * 50_000),
        b'"%b"' % (b"\xed\xa0\xbd" * 400_000),
    ],
)
def test_many_lone_surrogates_take_many_steps(data):
    """
    Lone surrogates in a large text are replaced in steps of at most 64 KiB each.
    """
    value, steps = in_one_step(load_json_in_steps(data))

    assert load_json(data) == value
    assert steps > len(data) // (64 * 1024)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"[" * 300 + b"]" * 300 + b" " * 30, "nested"),
        (b"[%b]" % b",".join([b"0"] * 1_000_002), "too many values"),
        (b"[%b]" % b",".join([b"[]"] * 200_001), "too many values"),
    ],
)
def test_limits_hold_in_steps(data, words):
    """
    A text that is nested too deeply, or has too many values, raises the same error as
    with `load_json`.
    """
    for parse in (load_json, lambda data: in_one_step(load_json_in_steps(data))):
        with pytest.raises(ValueError, match=words):
            parse(data)


def test_loader_raises_the_error_or_repairs_the_text():
    """
    The function that `loader_in_steps` returns raises the error of the text; if asked
    to, it reads bytes that are not UTF-8 as U+FFFD.
    """
    broken, _ = in_one_step(loader_in_steps(b'["\xff"]'))
    repaired, _ = in_one_step(loader_in_steps(b'["\xff"]', repair=True))

    with pytest.raises(ValueError, match="codec"):
        broken(b"")
    assert ["\ufffd"] == repaired(b"")

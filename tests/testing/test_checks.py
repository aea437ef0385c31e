"""A value that a test cannot script is refused where the test scripts them."""

from __future__ import annotations

import math

import pytest

from asi1.testing import FAULTS, Data, FakeASI1, Head, Pause, Raw, Repeat, Stall


SURROGATE = "\ud800"
# Each entry has a function that scripts a reply, the class of the error that is raised,
# and the beginning of the error's message.
REFUSED = {
    "usage": (lambda f: f.reply("a", usage=5), TypeError, "usage: must be a mapping"),
    "usage json": (
        lambda f: f.reply("a", usage={"a": object()}),
        TypeError,
        "usage: is not JSON",
    ),
    "extra": (lambda f: f.reply("a", extra=[1]), TypeError, "extra: must be a mapping"),
    "text": (lambda f: f.reply(SURROGATE), ValueError, "text: contains a lone"),
    "thoughts": (lambda f: f.reply("a", thoughts=[5]), ValueError, "thoughts: must be"),
    "finish": (lambda f: f.reply("a", finish_reason=5), TypeError, "finish_reason: mu"),
    "calls": (lambda f: f.reply("a", tool_calls=5), TypeError, "tool_calls: must be a"),
    "call": (
        lambda f: f.reply("a", tool_calls=[{"name": "g", "arguments": object()}]),
        TypeError,
        "tool_calls: is not JSON",
    ),
    "delay": (lambda f: f.reply("a", delay="1"), TypeError, "delay: must be a number"),
    "nan": (lambda f: f.reply("a", delay=math.nan), ValueError, "delay: must be a num"),
    "chunk_delay": (lambda f: f.reply("a", chunk_delay=-1), ValueError, "chunk_delay"),
    "words": (lambda f: f.reply("a", chunk_words=1.5), TypeError, "chunk_words: must"),
    "repeat": (lambda f: f.reply("a", repeat=True), TypeError, "repeat: must be a who"),
    "request_id": (lambda f: f.reply("a", request_id=5), TypeError, "request_id: must"),
    "id line": (lambda f: f.reply("a", request_id="a\n"), ValueError, "request_id: mu"),
    "generation": (lambda f: f.reply("a", generation=2026), TypeError, "generation: m"),
    "headers": (lambda f: f.reply("a", headers=5), TypeError, "headers: must be a map"),
    "header": (
        lambda f: f.reply("a", headers={"x": 5}),
        TypeError,
        "headers: must be a mapping of str to str",
    ),
    "header line": (
        lambda f: f.reply("a", headers={"x": "a\r\nb: c"}),
        ValueError,
        "headers: x must be in Latin-1",
    ),
    "header name": (
        lambda f: f.fail(429, headers={"a b": "c"}),
        ValueError,
        "headers: must have names",
    ),
    "times": (lambda f: f.reply("a", times="2"), TypeError, "times: must be a whole"),
    "no times": (
        lambda f: f.fault("hiccup", times=0),
        ValueError,
        "times: must",
    ),
    "json status": (lambda f: f.reply_json({}, status=99), ValueError, "status: must"),
    "json head": (lambda f: f.reply_json({}, headers=5), TypeError, "headers: must be"),
    "json": (lambda f: f.reply_json(object()), TypeError, "body: is not JSON (Type"),
    "image": (lambda f: f.image(5), TypeError, "image: must be a str, or bytes"),
    "shape": (lambda f: f.image(shape=5), TypeError, "shape: must be one of 'images.u"),
    "source": (lambda f: f.stream_of(5), TypeError, "source: must be a path, or bytes"),
    "option": (lambda f: f.fault("stall", seconds="x"), TypeError, "seconds: must be"),
    "negative": (lambda f: f.fault("stall", seconds=-1), ValueError, "seconds: must"),
    "cut": (lambda f: f.stream_of(b"a", cut="zz"), ValueError, "cut: must be 'whole'"),
    "cut type": (lambda f: f.stream_of(b"a", cut=1.5), TypeError, "cut: must be 'whol"),
    "kind": (lambda f: f.stream_of(b"", content_type=5), TypeError, "content_type: mu"),
    "framing": (
        lambda f: f.stream_of(b"a", framing="zz"),
        ValueError,
        "framing: must be one of 'chunked', 'length', 'close', not 'zz'",
    ),
    "status": (lambda f: f.fail("429"), TypeError, "status: must be a whole number"),
    "status size": (lambda f: f.fail(4290), ValueError, "status: must be a whole numb"),
    "retry_after": (lambda f: f.fail(429, retry_after=[1]), TypeError, "retry_after: "),
    "message": (lambda f: f.fail(429, message=5), TypeError, "message: must be a str"),
    "code": (lambda f: f.fail(429, code=[1]), TypeError, "code: must be a str"),
    "type": (lambda f: f.fail(429, type=5), TypeError, "type: must be a str, or None"),
    "body": (lambda f: f.fail(429, body=object()), TypeError, "body: is not JSON"),
    "fault option": (
        lambda f: f.fault("gzip_bomb", mib="1"),
        TypeError,
        "mib: must be a whole number",
    ),
    "fault size": (
        lambda f: f.fault("gzip_bomb", mib=-1),
        ValueError,
        "mib: must be a",
    ),
    "fault time": (
        lambda f: f.fault("hiccup", seconds=None),
        TypeError,
        "seconds: mus",
    ),
    "step": (lambda f: f.play("HTTP/1.1"), TypeError, "steps: must be Head"),
    "head": (lambda _: Head("200"), TypeError, "status: must be a whole number"),
    "head pairs": (
        lambda _: Head(200, {"a": "b"}),
        TypeError,
        "headers: must be pairs",
    ),
    "head framing": (lambda _: Head(framing="zz"), ValueError, "framing: must be one"),
    "head length": (lambda _: Head(length=-1), ValueError, "length: must be a whole"),
    "data": (lambda _: Data("text"), TypeError, "data: must be a bytes"),
    "raw": (lambda _: Raw("text"), TypeError, "data: must be a bytes"),
    "pause": (lambda _: Pause(None), TypeError, "seconds: must be a number"),
    "stall": (lambda _: Stall(-1), ValueError, "seconds: must be a number"),
    "repeat steps": (
        lambda _: Repeat([Data(b"")]),
        TypeError,
        "steps: must be a tuple",
    ),
    "no steps": (lambda _: Repeat(()), ValueError, "steps: must be a tuple"),
    "repeat times": (lambda _: Repeat((Data(b""),), 1.5), TypeError, "times: must be"),
    "seed": (lambda _: FakeASI1(seed="x"), TypeError, "seed: must be a whole number"),
    "port": (lambda _: FakeASI1(port=70000), ValueError, "port: must be a whole numb"),
    "fake": (lambda _: FakeASI1(generation="2024"), ValueError, "generation: must be"),
    "strict": (lambda _: FakeASI1(strict="yes"), TypeError, "strict: must be True or"),
    "key": (lambda f: setattr(f, "require_key", 5), TypeError, "require_key: must be"),
}


@pytest.mark.parametrize(("script", "error", "message"), REFUSED.values(), ids=REFUSED)
def test_value_that_cannot_be_sent_is_refused_when_scripted(script, error, message):
    """
    A value that the fake could not send raises in the test that scripts it: a TypeError
    for a wrong type, a ValueError for a wrong value. Both errors name the argument, and
    no reply is scripted.
    """
    fake = FakeASI1()

    with pytest.raises(error) as caught:
        script(fake)

    assert str(caught.value).startswith(message)
    assert 0 == fake.pending


def test_each_fault_accepts_the_defaults_of_its_own_options():
    """
    The defaults of a fault's options are among the values that the options take.
    """
    fake = FakeASI1()
    for name, fault in FAULTS.items():
        fake.fault(name, **fault.options)

    assert len(FAULTS) == fake.pending


def test_infinite_delay_can_be_scripted():
    """
    A test may script an infinite delay: the reply then never begins.
    """
    fake = FakeASI1()
    fake.reply("Never.", delay=math.inf)

    assert 1 == fake.pending

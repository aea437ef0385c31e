"""A strict fake fails tests that make unscripted calls, or leave replies over."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

import asi1

from asi1.testing import FakeASI1

from ..support.talk import in_process


@pytest.fixture
def strict():
    """Return a strict fake, which is reached in process."""
    return FakeASI1(strict=True)


async def test_strict_fake_answers_an_unscripted_call_with_a_400(strict):
    """
    A strict fake answers a call without a scripted reply with a 400, which clients do
    not retry. The error quotes the last message of the request.
    """
    async with in_process(strict, max_retries=2) as client:
        with pytest.raises(
            asi1.BadRequestError, match="no reply is scripted"
        ) as caught:
            await client.chat.completions.create(messages="Two?")

    assert "POST /v1/chat/completions: 'Two?'" in caught.value.message
    assert "no_scripted_reply" == caught.value.code
    assert 1 == len(strict.requests)


@pytest.mark.parametrize(
    ("method", "path", "shown"),
    [
        ("POST", "/image/generate", "POST /v1/image/generate: 'an otter'"),
        ("GET", "/models", "GET /v1/models"),
    ],
)
async def test_verify_names_calls_of_every_endpoint(strict, method, path, shown):
    """
    `FakeASI1.verify` names each call that no reply was scripted for, whatever its path.
    """
    body = {"prompt": "an otter"} if method == "POST" else None
    async with in_process(strict, max_retries=0) as client:
        for _ in range(2):
            with pytest.raises(asi1.BadRequestError):
                await client.request(method, path, json=body)

    with pytest.raises(AssertionError) as caught:
        strict.verify()
    wanted = "requests for which no reply was scripted:\n  " + shown + " (2 times)"
    assert wanted == str(caught.value)


def test_verify_lists_replies_that_are_left_over(strict):
    """
    `FakeASI1.verify` lists each reply that no request has taken, as it was scripted;
    equal replies in a row are listed once. A reply that was scripted with
    ``times=None`` may stay unused.
    """
    strict.reply("Four.", times=3)
    strict.reply(lambda request: request.path)
    strict.fail(429)
    strict.fault("hiccup")
    strict.image()
    strict.reply_json({"a": 1})
    strict.stream_of(b"data")
    strict.play()
    strict.reply("Standing.", times=None)

    with pytest.raises(AssertionError) as caught:
        strict.verify()

    assert [
        "scripted replies for which no request came:",
        "  reply('Four.') (3 times)",
        "  reply(a function)",
        "  fail(429)",
        "  fault('hiccup')",
        "  image(shape=None)",
        "  reply_json({'a': 1})",
        "  stream_of(b'data')",
        "  play()",
    ] == str(caught.value).splitlines()
    strict.clear()
    strict.verify()


async def test_with_block_of_a_strict_fake_raises_what_verify_finds():
    """
    At the end of a ``with`` or ``async with`` block, a strict fake raises what `verify`
    finds; an exception that leaves the block is not replaced. A fake that is not strict
    raises nothing.
    """
    with (
        pytest.raises(AssertionError, match="no request came"),
        FakeASI1(strict=True) as f,
    ):
        f.reply("Unused.")
    with pytest.raises(AssertionError, match="no request came"):
        async with FakeASI1(strict=True) as f:
            f.reply("Unused.")
    with pytest.raises(KeyError), FakeASI1(strict=True) as f:
        f.reply("Unused.")
        raise KeyError
    with FakeASI1() as f:
        f.reply("Unused.")
    assert not f.strict


async def test_scripted_calls_satisfy_a_strict_fake(strict):
    """
    A strict fake that got exactly the scripted calls raises nothing. The reply to a
    missing API key, and replies with ``times=None``, count as scripted.
    """
    strict.require_key = True
    strict.reply("Yes.", times=None)
    strict.image()
    async with in_process(strict, max_retries=0) as client:
        await client.images.generate("an otter")
        for _ in range(2):
            await client.chat.completions.create(messages="Otters?")

    strict.verify()


async def test_generation_of_a_fake_applies_to_answers_without_a_generation():
    """
    The ``generation`` of a fake, the year of its format, applies to each answer that
    does not set its own, to the built-in answer, to faults, and to images.
    """
    fake = FakeASI1(generation="2026")
    fake.reply("Yes.")
    fake.reply("Yes.", generation="2025")
    fake.fault("gzip_stream")
    async with in_process(fake) as client:
        replies = [
            (await client.request("POST", "/chat/completions", json={})).json()
            for _ in range(4)
        ]
        images = [await client.request("POST", "/image/generate", json={})]
        fake.image("https://a/1.png")
        images.append(await client.request("POST", "/image/generate", json={}))

    shapes = ["service_tier" in reply for reply in replies]
    assert [True, False, True, True] == shapes
    assert [["b64_json"], ["url"]] == [list(i.json()["data"][0]) for i in images]


TESTS = """
import pytest
from asi1 import ASI1

def ask(fake):
    return ASI1("k", fake.base_url).chat.completions.create(messages="Otters?").text

def test_satisfied(fake_asi1):
    fake_asi1.reply("Yes.")
    assert "Yes." == ask(fake_asi1)

def test_left_over(fake_asi1):
    fake_asi1.reply("Yes.")

def test_swallowed(fake_asi1):
    with pytest.raises(Exception):
        ask(fake_asi1)

@pytest.mark.fake_asi1(strict=False, generation="2026")
def test_lenient(fake_asi1):
    assert ask(fake_asi1)

def test_failed(fake_asi1):
    fake_asi1.reply("Yes.")
    assert False
"""


@pytest.mark.system
def test_setting_or_mark_makes_the_fixture_strict(tmp_path):
    """
    With pytest's setting ``asi1_fake_strict``, the fixture `fake_asi1` fails tests that
    passed although a reply was left over, or a call was not scripted. The mark
    ``fake_asi1`` of a test prevails over the setting. A test that failed is reported
    once.
    """
    conftest = 'pytest_plugins = ["asi1.testing.pytest_plugin"]'
    (tmp_path / "conftest.py").write_text(conftest)
    (tmp_path / "pytest.ini").write_text("[pytest]\nasi1_fake_strict = true\n")
    (tmp_path / "test_strict.py").write_text(TESTS)
    options = ["--strict-markers", "-p", "no:cacheprovider", "-q"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, tmp_path],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )

    summary = [line for line in done.stdout.splitlines() if line.startswith("E")]
    assert "1 failed, 4 passed, 2 errors" in done.stdout
    assert "reply('Yes.')" in done.stdout
    assert "POST /v1/chat/completions: 'Otters?'" in done.stdout
    assert ["left_over", "swallowed"] == [
        line.partition("::test_")[2].partition(" ")[0]
        for line in summary
        if line.startswith("ERROR ")
    ]


CALLED = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": ""}}


def _told(*calls, tool_call_id="c1"):
    """Return two messages: the model's, with the given tool calls, and the result of
    one tool call.
    """
    return [
        {"role": "assistant", "content": None, "tool_calls": [*calls]},
        {"role": "tool", "tool_call_id": tool_call_id, "content": "4"},
    ]


@pytest.mark.parametrize(
    ("messages", "problem"),
    [
        (_told(CALLED), None),
        (_told({"id": "c1", "type": "custom", "custom": {"name": "f"}}), None),
        (_told(CALLED, tool_call_id=""), "messages[1].tool_call_id: must not be"),
        (_told(CALLED, tool_call_id="c2"), "messages[1].tool_call_id: no call before"),
        (_told(CALLED)[1:], "messages[0].tool_call_id: no call before it"),
        (_told(CALLED)[::-1], "messages[0].tool_call_id: no call before it"),
        (_told({**CALLED, "id": ""}), "messages[0].tool_calls[0].id: must not be"),
        (
            _told(CALLED, {**CALLED, "function": {"name": "", "arguments": "{}"}}),
            "messages[0].tool_calls[1].function.name: must not be empty",
        ),
        (_told({"id": "c1"}), "messages[0].tool_calls[0].function.name: must not"),
    ],
)
async def test_strict_fake_refuses_tool_messages_that_a_service_refuses(
    strict, messages, problem
):
    """
    A strict fake answers with a 400 to a tool call without an id or a name, and to a
    result that belongs to no earlier call; the scripted reply is left over. A fake that
    is not strict sends the reply.
    """
    for fake in (strict, FakeASI1()):
        fake.reply("Four.")
        async with in_process(fake, max_retries=0) as client:
            if problem is None or fake is not strict:
                answer = await client.chat.completions.create(messages=messages)
                assert "Four." == answer.text
                continue
            with pytest.raises(asi1.BadRequestError, match=re.escape(problem)):
                await client.chat.completions.create(messages=messages)
        with pytest.raises(AssertionError, match="no request came"):
            fake.verify()

"""Clients log only at DEBUG, and never the content of calls or the key."""

from __future__ import annotations

import logging
import os
import subprocess
import sys

from pathlib import Path

import pytest

import asi1

from asi1.testing import FAULTS, FakeASI1

from .search import KEY, found
from .talk import CREATE_AND_STREAM, call, client_of


pytestmark = pytest.mark.virtual_time

PROMPT, ANSWER, HEADER, QUERY = "my-prompt", "its-answer", "my-header", "my-query"
THOUGHT, TOOL, USER = "its-thought", "my-tool", "my-user"
SECRETS = [KEY, PROMPT, ANSWER, HEADER, QUERY, THOUGHT, TOOL, USER]
TALK = {
    "messages": [{"role": "user", "content": PROMPT}],
    "extra_headers": {"x-note": HEADER},
    "extra_query": {"q": QUERY},
    "session_id": HEADER,
    "idempotency_key": HEADER,
    "user": USER,
    "tools": [{"type": "function", "function": {"name": TOOL}}],
}


def messages_and_fields(records, name="asi1"):
    """
    Return messages and fields of the log records of logger *name* and its children.
    """
    ours = [r for r in records if f"{r.name}.".startswith(f"{name}.")]
    return [record.getMessage() for record in ours], [vars(record) for record in ours]


def secrets_in(records):
    texts, fields = messages_and_fields(records)
    return [s for s in SECRETS if found(texts, fields, text=s)]


async def test_successful_call_does_not_log_its_content(caplog):
    """
    At DEBUG, a successful call logs neither prompt, answer, thoughts, tools, headers
    nor query.
    """
    caplog.set_level(logging.DEBUG)
    fake = FakeASI1(seed=5)
    fake.reply(
        ANSWER, thoughts=[THOUGHT], headers={"x-back": HEADER}, request_id=HEADER,
        times=None,
    )  # fmt: skip

    async with client_of(fake) as client:
        for stream in CREATE_AND_STREAM:
            result, _ = await call(client, stream=stream, **TALK)
            assert ANSWER == result.text

    assert messages_and_fields(caplog.records)[0]
    assert [] == secrets_in(caplog.records)


@pytest.mark.parametrize(
    "fault",
    [
        *["error_event", "bad_json_chunk", "stall_mid_body", "html_200", "quota_429"],
        *["reset_before_headers", "reset_mid_body", "key_echo_401", "redirect"],
    ],
)
async def test_failed_call_does_not_log_its_content(caplog, fault):
    """
    At DEBUG, a call that fails or is retried logs neither prompt, headers nor query.
    """
    assert fault in FAULTS
    caplog.set_level(logging.DEBUG)
    fake = FakeASI1(seed=5)
    fake.fault(fault, times=None)

    async with client_of(fake) as client:
        for stream in CREATE_AND_STREAM:
            result, _ = await call(client, stream=stream, **TALK)
            assert isinstance(result, asi1.APIError)

    assert [] == secrets_in(caplog.records)


@pytest.mark.parametrize("status", [400, 401, 429, 500])
async def test_message_of_an_error_status_is_not_logged(caplog, status):
    """
    A server may repeat prompts, headers and keys in its error message, so the message
    is not logged.
    """
    caplog.set_level(logging.DEBUG)
    fake = FakeASI1(seed=5)
    fake.fail(status, message=" ".join(SECRETS), headers={"x-a": HEADER}, times=None)

    async with client_of(fake) as client:
        for stream in CREATE_AND_STREAM:
            await call(client, stream=stream, **TALK)

    assert [] == secrets_in(caplog.records)


async def test_nothing_is_logged_above_debug(caplog):
    """
    At INFO and above a client logs nothing, whether its calls succeed or fail.
    """
    caplog.set_level(logging.INFO)
    fake = FakeASI1(seed=5)
    fake.fail(503, times=4)

    async with client_of(fake) as client:
        for _ in range(3):
            await call(client, stream=False)

    assert [] == messages_and_fields(caplog.records)[0]


def test_logger_has_a_null_handler_and_no_level():
    """
    The logger ``asi1`` has a NullHandler only, sets no level of its own, and passes
    records on to the program's handlers.
    """
    logger = logging.getLogger("asi1")

    assert [logging.NullHandler] == [type(handler) for handler in logger.handlers]
    assert (logging.NOTSET, True) == (logger.level, logger.propagate)


PROGRAM = f"""
import asyncio, asi1
from asi1.testing import FakeASI1

async def main():
    fake = FakeASI1()
    fake.fail(503, message={PROMPT + KEY!r})
    fake.reply({ANSWER!r}, headers={{"x-back": {HEADER!r}}})
    async with asi1.AsyncASI1(
        {KEY!r}, fake.base_url, transport=fake.transport,
        retry=asi1.RetryPolicy(wait_first=0),
    ) as client:
        await client.chat.completions.create(
            messages={PROMPT!r}, extra_headers={{"x": {HEADER!r}}},
            extra_query={{"q": {QUERY!r}}}, user={USER!r},
        )

asyncio.run(main())
"""


@pytest.mark.parametrize(("level", "lines"), [("info", 0), ("debug", 2)])
def test_log_on_standard_error_has_no_secrets(level, lines):
    """
    With ASI1_LOG=debug each attempt logs one line on standard error, without the call's
    content and without the API key; with ASI1_LOG=info nothing is logged.
    """
    package = str(Path(asi1.__file__).parents[1])

    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, "ASI1_LOG": level, "PYTHONPATH": package},
        capture_output=True,
        text=True,
        check=True,
        timeout=240,
    )

    assert ("", lines) == (done.stdout, len(done.stderr.splitlines()))
    assert [] == [secret for secret in SECRETS if secret in done.stderr]

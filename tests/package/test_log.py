"""The log is off by default, and never contains prompts, answers or the API key."""

import logging
import os
import subprocess
import sys

import pytest

from asi1 import AsyncASI1
from asi1.testing import FakeASI1


async def test_log_has_one_line_per_attempt_and_no_secrets(caplog):
    """
    At level DEBUG the log has one line for each attempt. The line contains no prompt,
    answer, query, header or key.
    """
    fake = FakeASI1()
    fake.reply("the-answer")
    caplog.set_level(logging.DEBUG, "asi1")

    async with AsyncASI1(
        "sk_log_canary", "http://127.0.0.1", transport=fake.transport
    ) as client:
        await client.chat.completions.create(
            messages="the-prompt",
            extra_query={"q": "the-query"},
            extra_headers={"x-own": "the-header"},
        )

    (line,) = [r.getMessage() for r in caplog.records if r.name == "asi1"]
    assert line.startswith(
        "POST http://127.0.0.1/v1/chat/completions, attempt 1: status 200"
    )
    for secret in ("the-", "sk_log_canary"):
        assert secret not in line


@pytest.mark.system
@pytest.mark.parametrize(
    ("level", "lines"), [("debug", 1), ("DEBUG ", 1), ("info", 0), ("", 0), ("x", 0)]
)
def test_environment_variable_asi1_log_turns_the_log_on(level, lines):
    """
    ``ASI1_LOG=debug`` writes the attempts to standard error; other values write
    nothing.
    """
    code = (
        "import asi1; from asi1.testing import FakeASI1\n"
        "with FakeASI1() as fake, asi1.ASI1('sk_canary', fake.base_url) as client:\n"
        "    client.chat.completions.create(messages='Hi')"
    )

    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "ASI1_LOG": level},
        capture_output=True,
        text=True,
        check=True,
    )

    assert lines == done.stderr.count("asi1 POST")
    assert lines == len(done.stderr.splitlines())
    assert "sk_canary" not in done.stderr


@pytest.mark.system
@pytest.mark.parametrize("moment", ["before", "after"])
def test_asi1_log_beside_a_log_of_the_program_writes_each_line_once(moment):
    """
    With ``ASI1_LOG=debug`` in a program that calls `logging.basicConfig`, before or
    after ``import asi1``, each line is written once, by the program's own handler. A
    handler of the program that does not write to the terminal does not hide the lines.
    """
    own = "import logging, io; logging.basicConfig(format='own %(name)s %(message)s');"
    own += "logging.getLogger().addHandler(logging.StreamHandler(io.StringIO()))\n"
    code = (
        "import asi1; from asi1._log import logger\n"
        f"{own if moment == 'after' else ''}"
        "logger.debug('once'); logging.root.handlers[0].setLevel('INFO')\n"
        "logger.debug('here')"
    )

    done = subprocess.run(
        [sys.executable, "-c", (own if moment == "before" else "") + code],
        env={**os.environ, "ASI1_LOG": "debug"},
        capture_output=True,
        text=True,
        check=True,
    )

    first, second = done.stderr.splitlines()
    assert "own asi1 once" == first
    assert second.endswith(" asi1 here")
    assert second.startswith("20")

"""The pytest fixtures that asi1.testing provides for users' tests."""

from __future__ import annotations

import os
import subprocess
import sys

import httpx
import pytest

import asi1
import asi1.testing


pytest_plugins = ["asi1.testing.pytest_plugin"]


def test_fake_asi1_env_makes_a_client_without_arguments_call_the_fake(fake_asi1_env):
    """
    With the fixture `fake_asi1_env`, a client created without arguments calls the fake.
    """
    fake_asi1_env.reply("Here.")

    with asi1.ASI1() as client:
        assert "Here." == client.chat.completions.create(messages="Hi").text


def test_fixture_fake_asi1_yields_a_running_fake(fake_asi1):
    """
    The fixture `fake_asi1` yields a fake server that is already running.
    """
    url = fake_asi1.base_url + "/chat/completions"

    assert 200 == httpx.post(url).status_code


CONFTEST = """
import pytest

pytest_plugins = ["asi1.testing.pytest_plugin"]
"""
MODULE = """
import asi1
import pytest

URL = "{url}"


def ask(tape):
    with asi1.ASI1("sk-0123456789", URL, transport=tape, max_retries=0) as client:
        return client.chat.completions.create(messages="Hi").text


@pytest.mark.parametrize("name", ["a/b"])
def test_usual(asi1_cassette, name):
    assert "Hello" == ask(asi1_cassette)


@pytest.mark.asi1_cassette("mine.jsonl", mode="{mode}", times=True)
def test_marked(asi1_cassette):
    assert "Hello" == ask(asi1_cassette)
"""


@pytest.mark.system
def test_cassette_fixture_records_beside_the_module_and_replays_in_ci(tmp_path):
    """
    The fixture `asi1_cassette` records into a file beside the test's module. It only
    replays if ``CI`` is set, and the option of pytest prevails over the mark.
    """
    (tmp_path / "conftest.py").write_text(CONFTEST)
    module = tmp_path / "test_otter.py"

    def run(url, mode, *arguments, **env):
        module.write_text(MODULE.format(url=url, mode=mode))
        kept = {k: v for k, v in os.environ.items() if k != "CI"}
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
        done = subprocess.run(
            [*command, *arguments, str(module)],
            cwd=tmp_path,
            env={**kept, **env},
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )
        return done.stdout.splitlines()[-1].partition(" in ")[0], done.stdout

    with asi1.testing.FakeASI1() as fake:
        fake.reply("Hello", times=None)
        first = run(fake.base_url, "replay-or-record")
    gone = "http://127.0.0.1:1/v1"
    again = run(gone, "replay", CI="1")
    forced = run(gone, "replay", "--asi1-cassette-mode=off")
    (tmp_path / "mine.jsonl").unlink()
    missing = run(gone, "replay-or-record", "--asi1-cassette-mode=replay")

    assert ["2 passed", "2 passed", "2 failed", "1 failed, 1 passed"] == [
        result for result, _ in (first, again, forced, missing)
    ]
    assert "CassetteError" in missing[1]
    usual = tmp_path / "cassettes" / "test_otter" / "test_usual[a-b].jsonl"
    assert "Hello" in usual.read_text()

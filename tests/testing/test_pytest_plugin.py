"""The pytest fixtures that asi1.testing provides for users' tests."""

from __future__ import annotations

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


def test_cassette_fixture_has_one_file_for_each_test(request, monkeypatch):
    """
    The fixture `asi1_cassette` has a file with the name of the test, in a folder beside
    the test's module, and records the requests that are not in the file.
    """
    monkeypatch.delenv("CI", raising=False)
    tape = request.getfixturevalue("asi1_cassette")

    folder = request.path.parent / "cassettes" / "test_pytest_plugin"
    assert folder / f"{request.node.name}.jsonl" == tape.path
    assert "replay-or-record" == tape.mode
    assert not tape.path.exists()


@pytest.mark.parametrize("name", ["a/b \u00f6"])
def test_cassette_fixture_only_replays_if_ci_is_set(request, monkeypatch, name):
    """
    If the environment variable ``CI`` is set, the fixture `asi1_cassette` only replays.
    """
    monkeypatch.setenv("CI", "true")
    tape = request.getfixturevalue("asi1_cassette")

    assert "replay" == tape.mode
    assert request.path.parent / "cassettes" / "test_pytest_plugin" == tape.path.parent


def test_mark_sets_the_file_and_the_mode_of_the_cassette(request, monkeypatch):
    """
    The mark ``asi1_cassette`` sets the file, relative to the test's module, and the
    mode. This mode prevails over the environment variable ``CI``.
    """
    monkeypatch.setenv("CI", "true")
    mark = pytest.mark.asi1_cassette("../mine.jsonl", mode="record", times=True)
    request.node.add_marker(mark)
    tape = request.getfixturevalue("asi1_cassette")

    assert "record" == tape.mode
    assert request.path.parent / "../mine.jsonl" == tape.path


PROGRAM = """
import pytest

@pytest.mark.asi1_cassette("mine.jsonl", mode="record")
def test_mode(asi1_cassette):
    assert "off" == asi1_cassette.mode
"""


@pytest.mark.system
def test_option_of_pytest_prevails_over_the_mode_of_the_mark(tmp_path):
    """
    pytest's option ``--asi1-cassette-mode`` prevails over the modes that the marks of
    tests set. The mark is registered with pytest.
    """
    conftest = 'pytest_plugins = ["asi1.testing.pytest_plugin"]'
    (tmp_path / "conftest.py").write_text(conftest)
    (tmp_path / "test_mode.py").write_text(PROGRAM)
    options = ["--strict-markers", "-p", "no:cacheprovider", "--asi1-cassette-mode=off"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *options, tmp_path],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )

    assert (0, "") == (done.returncode, done.stderr)
    assert "1 passed" in done.stdout

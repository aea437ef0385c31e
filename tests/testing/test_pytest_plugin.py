"""The pytest fixtures that asi1.testing provides for users' tests."""

from __future__ import annotations

import httpx

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

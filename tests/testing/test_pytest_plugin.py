"""The pytest fixtures for the tests of users."""

from __future__ import annotations

import httpx

import asi1
import asi1.testing


pytest_plugins = ["asi1.testing.pytest_plugin"]


def test_env_fixture_leads_a_client_without_arguments_to_the_fake(fake_asi1_env):
    """
    With `fake_asi1_env`, a client made without arguments talks to the fake.
    """
    fake_asi1_env.reply("Here.")

    with asi1.ASI1() as client:
        assert "Here." == client.chat.completions.create(messages="Hi").text


def test_fixture_is_a_running_fake(fake_asi1):
    """
    `fake_asi1` serves without any setup.
    """
    url = fake_asi1.base_url + "/chat/completions"

    assert 200 == httpx.post(url).status_code

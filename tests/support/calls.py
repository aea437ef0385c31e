"""Builds requests as both clients build them, for the tests of options and requests."""

from __future__ import annotations

import json

from asi1._protocol.plain_request import plain_request
from asi1._protocol.request import chat_request
from asi1._settings.config import ClientConfig, check_headers
from asi1._settings.secret import Secret


__all__ = ["HI", "KEY", "URL", "chat", "config", "plain", "sent"]

KEY = "sk_otter0123456789"
URL = "https://otter.example/v1/chat/completions"
HI = [{"role": "user", "content": "Hi"}]


def config(**changes):
    """Return a client's settings; *changes* replace the defaults of these tests."""
    headers = check_headers(changes.pop("headers", {}), "default_headers")
    return ClientConfig(
        api_key=Secret(KEY),
        base_url="https://otter.example/v1",
        headers=headers,
        **changes,
    )


def chat(settings=None, *, model=None, stream=False, messages="Hi", **options):
    """Build the request of a chat call as the async and the blocking client do."""
    return chat_request(
        settings or config(),
        messages=messages,
        model=model,
        stream=stream,
        options=options,
    )


def sent(*args, **kwargs):
    """Return the decoded JSON body of a chat call's request."""
    return json.loads(chat(*args, **kwargs).body)


def plain(method="GET", path="/models", *, body=None, **options):
    """Build the request of a call to any endpoint."""
    return plain_request(config(), method, path, json=body, options=options)

"""httpx errors that are the causes of asi1's errors do not reference the API key."""

from __future__ import annotations

import httpx
import pytest

import asi1

from asi1.testing import FakeASI1


async def raise_for_status(response):
    response.raise_for_status()


async def test_status_error_that_a_hook_raises_loses_its_request_and_response():
    """
    If a hook raises httpx.HTTPStatusError, asi1 removes the error's request and
    response, because the request's headers contain the API key.
    """
    fake = FakeASI1()
    fake.fail(400)
    hooks = {"response": [raise_for_status]}
    async with httpx.AsyncClient(transport=fake.transport, event_hooks=hooks) as own:
        client = asi1.AsyncASI1("sk-test", http_client=own, max_retries=0)
        with pytest.raises(asi1.APIConnectionError, match="400 Bad Request") as caught:
            await client.chat.completions.create(messages="Hi")
    cause = caught.value.__cause__

    assert isinstance(cause, httpx.HTTPStatusError)
    assert cause.response is None
    with pytest.raises(RuntimeError, match="not been set"):
        _ = cause.request

"""In users' tests, respx can mock the service for asi1's clients."""

from __future__ import annotations

import httpx
import pytest
import respx

import asi1


URL = "https://api.asi1.ai/v1/chat/completions"
ANSWER = {"choices": [{"message": {"content": "Mocked."}, "finish_reason": "stop"}]}


async def test_respx_mocks_the_default_client():
    """
    respx's default router mocks a client that was created with only an API key.
    """
    with respx.mock:
        route = respx.post(URL).respond(json=ANSWER)
        async with asi1.AsyncASI1("sk-test") as client:
            answer = await client.chat.completions.create(messages="Hi")

    assert "Mocked." == answer.text
    assert 1 == route.call_count
    assert "Bearer sk-test" == route.calls.last.request.headers["authorization"]


async def test_respx_mocks_a_stream():
    """
    A client reads a mocked body of server-sent events as a stream.
    """
    body = 'data: {"choices":[{"delta":{"content":"Mocked."}}]}\n\ndata: [DONE]\n\n'
    with respx.mock:
        respx.post(URL).respond(text=body, content_type="text/event-stream")
        async with (
            asi1.AsyncASI1("sk-test") as client,
            client.chat.completions.stream(messages="Hi") as stream,
        ):
            pieces = [piece async for piece in stream.text_stream]

    assert ["Mocked."] == pieces


async def test_errors_mocked_by_respx_are_retried_and_become_asi1_errors():
    """
    Error statuses, lost connections and timeouts mocked by respx are handled like real
    ones: the call is retried or raises an error of asi1.
    """
    quick = asi1.RetryPolicy(wait_first=0)
    with respx.mock:
        route = respx.post(URL).mock(
            side_effect=[
                httpx.Response(503),
                httpx.ConnectError("no route"),
                httpx.Response(200, json=ANSWER),
                httpx.Response(401, json={"error": {"message": "Wrong key."}}),
                httpx.ReadTimeout("slow"),
            ]
        )
        async with asi1.AsyncASI1("sk-test", retry=quick) as client:
            answer = await client.chat.completions.create(messages="Hi")
            with pytest.raises(asi1.AuthenticationError, match=r"Wrong key\."):
                await client.chat.completions.create(messages="Hi")
            with pytest.raises(asi1.APITimeoutError):
                await client.chat.completions.create(messages="Hi")

    assert [503, None, 200] == [a.status for a in answer.response.attempts]
    assert 5 == route.call_count


@respx.mock
def test_respx_mocks_the_blocking_client():
    """respx, used as a decorator, also mocks the blocking client."""
    respx.post(URL).respond(json=ANSWER)

    with asi1.ASI1("sk-test") as client:
        assert "Mocked." == client.chat.completions.create(messages="Hi").text

"""The fake's in-process transport: recorded requests, read timeouts and responses."""

from __future__ import annotations

import anyio
import httpx
import pytest

from asi1.testing import Data, Head, Pause, Raw, Stall


URL = "http://127.0.0.1:1/v1/chat/completions"


@pytest.fixture
async def client(fake):
    async with httpx.AsyncClient(transport=fake.transport, timeout=None) as running:
        yield running


async def test_request_is_recorded_as_on_a_socket(fake, client):
    """
    A request to the in-process transport is recorded like a request on a socket, but
    with 0 as the number of its connection.
    """
    await client.post(URL + "?a=1", json={"n": 1}, headers={"X-One": "1"})
    (record,) = fake.requests

    assert ("POST", "a=1", {"n": 1}) == (record.method, record.query, record.json)
    assert "1" == record.headers["x-one"]
    assert ("sent", 0) == (record.outcome, record.connection)


async def test_response_closed_early_is_recorded_as_left(fake, client):
    """
    If the client closes a response before its end, the recorded outcome is "left".
    """
    async with client.stream("POST", URL, json={"stream": True}):
        assert "open" == fake.requests[0].outcome

    assert "left" == fake.requests[0].outcome


async def test_cancelled_request_is_recorded_as_left(fake, client):
    """
    If a request is cancelled before its reply begins, the recorded outcome is "left".
    """
    fake.fault("stall_before_headers")
    with anyio.move_on_after(0.05):
        await client.post(URL)

    assert "left" == fake.requests[0].outcome


@pytest.mark.virtual_time
@pytest.mark.parametrize("fault", ["stall_before_headers", "stall_after_headers"])
async def test_silence_longer_than_the_read_timeout_raises_read_timeout(fake, fault):
    """
    If a reply stalls for longer than the client's read timeout, ReadTimeout is raised
    exactly when the timeout is over.
    """
    fake.fault(fault)
    start = anyio.current_time()

    async with httpx.AsyncClient(transport=fake.transport, timeout=90) as client:
        with pytest.raises(httpx.ReadTimeout):
            await client.post(URL)

    assert 90 == anyio.current_time() - start


@pytest.mark.virtual_time
async def test_only_received_bytes_restart_the_read_timeout(fake):
    """
    Each byte restarts the read timeout. Successive pauses without a byte between them
    count together.
    """
    fake.play(Pause(6), Pause(6))
    fake.play(Pause(6), Head(200), Pause(6), Data(b"x"), Stall(6))

    async with httpx.AsyncClient(transport=fake.transport, timeout=10) as client:
        with pytest.raises(httpx.ReadTimeout):
            await client.post(URL)
        start = anyio.current_time()
        assert b"x" == (await client.post(URL)).content

    assert 18 == anyio.current_time() - start


async def test_reply_to_head_has_no_body(fake, client):
    """
    The reply to a HEAD request has no body.
    """
    response = await client.head(URL)

    assert (405, b"") == (response.status_code, response.content)


async def test_response_has_the_http_version_and_the_reason_phrase(fake, client):
    """
    A response has its HTTP version and its reason phrase, as from httpx's own
    transport.
    """
    response = await client.post(URL)

    assert ("HTTP/1.1", "OK") == (response.http_version, response.reason_phrase)


async def test_large_raw_step_is_read_in_parts_of_at_most_64_kib(fake, client):
    """
    The client reads a large `Raw` step in parts of at most 64 KiB, as from a socket.
    """
    fake.play(Head(200, (), "close"), Raw(b"x" * 200_000))

    async with client.stream("POST", URL) as response:
        sizes = [len(piece) async for piece in response.aiter_raw()]

    assert 200_000 == sum(sizes)
    assert 65536 == max(sizes)


async def test_reply_cut_in_its_head_raises_remote_protocol_error(fake, client):
    """
    A reply that ends in the middle of its head raises RemoteProtocolError with
    httpcore's own message.
    """
    fake.play(Raw(b"HTTP/1.1 200"))

    with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
        await client.post(URL)

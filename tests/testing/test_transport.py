"""What the in-process transport does beside playing plans."""

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


async def test_requests_are_recorded_as_on_a_socket(fake, client):
    """
    A request in process is recorded like any other, on connection 0.
    """
    await client.post(URL + "?a=1", json={"n": 1}, headers={"X-One": "1"})
    (record,) = fake.requests

    assert ("POST", "a=1", {"n": 1}) == (record.method, record.query, record.json)
    assert "1" == record.headers["x-one"]
    assert ("sent", 0) == (record.outcome, record.connection)


async def test_a_reply_left_early_is_recorded_as_left(fake, client):
    """
    A client that closes the response in the middle has left.
    """
    async with client.stream("POST", URL, json={"stream": True}):
        assert "open" == fake.requests[0].outcome

    assert "left" == fake.requests[0].outcome


async def test_a_cancelled_request_is_recorded_as_left(fake, client):
    """
    A client that is cancelled before the head comes has left.
    """
    fake.fault("stall_before_headers")
    with anyio.move_on_after(0.05):
        await client.post(URL)

    assert "left" == fake.requests[0].outcome


@pytest.mark.virtual_time
@pytest.mark.parametrize("fault", ["stall_before_headers", "stall_after_headers"])
async def test_the_limit_on_reading_is_kept(fake, fault):
    """
    A silence longer than the client's limit is its ReadTimeout, after just that time.
    """
    fake.fault(fault)
    start = anyio.current_time()

    async with httpx.AsyncClient(transport=fake.transport, timeout=90) as client:
        with pytest.raises(httpx.ReadTimeout):
            await client.post(URL)

    assert 90 == anyio.current_time() - start


@pytest.mark.virtual_time
async def test_silences_without_a_byte_between_them_are_one(fake):
    """
    The limit on reading counts from byte to byte, over any number of pauses.
    """
    fake.play(Pause(6), Pause(6))
    fake.play(Pause(6), Head(200), Pause(6), Data(b"x"), Stall(6))

    async with httpx.AsyncClient(transport=fake.transport, timeout=10) as client:
        with pytest.raises(httpx.ReadTimeout):
            await client.post(URL)
        start = anyio.current_time()
        assert b"x" == (await client.post(URL)).content

    assert 18 == anyio.current_time() - start


async def test_head_requests_have_no_body(fake, client):
    """
    The reply to HEAD ends with its headers.
    """
    response = await client.head(URL)

    assert (405, b"") == (response.status_code, response.content)


async def test_the_response_looks_like_one_from_a_socket(fake, client):
    """
    Version and reason are there, as httpx's own transport gives them.
    """
    response = await client.post(URL)

    assert ("HTTP/1.1", "OK") == (response.http_version, response.reason_phrase)


async def test_large_raw_bytes_are_read_in_parts(fake, client):
    """
    What comes at once is read as from a socket, 64 KiB at a time.
    """
    fake.play(Head(200, (), "close"), Raw(b"x" * 200_000))

    async with client.stream("POST", URL) as response:
        sizes = [len(piece) async for piece in response.aiter_raw()]

    assert 200_000 == sum(sizes)
    assert 65536 == max(sizes)


async def test_a_head_that_is_cut_is_an_error_of_the_protocol(fake, client):
    """
    An end in the middle of the head is told in the words of httpcore.
    """
    fake.play(Raw(b"HTTP/1.1 200"))

    with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
        await client.post(URL)

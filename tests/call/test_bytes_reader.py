"""The reply of an endpoint for which asi1 has no method."""

from __future__ import annotations

import gzip
import zlib

import pytest

import asi1

from asi1.testing import Data, Head

from ..support.talk import in_process


async def test_body_of_any_endpoint_is_returned_as_bytes(fake, fake_client):
    """
    A reply's body is returned as the bytes that the server sent, however many fragments
    these bytes arrived in, together with the response metadata.
    """
    fake.play(
        Head(201, (("x-request-id", "r-9"),)), Data(b"\xffmp3"), Data(b"\0"), Data(b"!")
    )

    reply = await fake_client.request("GET", "/speech")

    assert b"\xffmp3\0!" == reply.content
    assert (201, "r-9") == (reply.response.status, reply.response.request_id)
    assert 1 == len(reply.response.attempts)


async def test_empty_body_of_any_endpoint_is_returned(fake, fake_client):
    """
    A reply without a body is returned with empty bytes as its body.
    """
    fake.play(Head(204, ()))

    reply = await fake_client.request("DELETE", "/speech/1")

    assert b"" == reply.content


async def test_body_above_max_event_bytes_is_an_error_for_any_endpoint(fake):
    """
    A body above `max_event_bytes` raises an error, whatever the endpoint.
    """
    fake.play(Head(200, ()), Data(b"x" * 2000))

    async with in_process(fake, max_retries=0, max_event_bytes=1000) as client:
        with pytest.raises(asi1.APIResponseError, match="1,000 bytes"):
            await client.request("GET", "/speech")


async def test_broken_body_is_an_error_for_any_endpoint(fake, fake_client):
    """
    A response body that breaks off raises an error, whatever the endpoint.
    """
    fake.fault("reset_mid_body")

    with pytest.raises(asi1.APIConnectionError):
        await fake_client.request("GET", "/speech")


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
@pytest.mark.parametrize("end", [-1, -12, 30, None])
async def test_compressed_body_that_is_cut_is_an_error_for_any_endpoint(
    fake, fake_client, encoding, end
):
    """
    A compressed body that ends too early is an error, even if the HTTP framing is
    complete. A complete compressed body that is followed by padding is returned.
    """
    text = b"".join(b"otter %d, " % number for number in range(200))
    packed = {"gzip": gzip.compress, "deflate": zlib.compress}[encoding](text)
    body = packed[:end] if end else packed + bytes(20)
    fake.play(Head(200, (("content-encoding", encoding),)), Data(body))
    fake.play(Head(204, (("content-encoding", encoding),)))

    if end is None:
        assert text == (await fake_client.request("GET", "/files")).content
    else:
        with pytest.raises(asi1.APIResponseError, match="compressed body is cut off"):
            await fake_client.request("GET", "/files")
    assert b"" == (await fake_client.request("GET", "/files")).content


async def test_status_300_is_an_error_for_any_endpoint(fake, fake_client):
    """
    A reply with the status 300, which is not a success, raises an error.
    """
    fake.play(Head(300, ()), Data(b"a or b"))

    with pytest.raises(asi1.APIStatusError) as caught:
        await fake_client.request("GET", "/speech")

    assert 300 == caught.value.status_code


async def test_request_to_any_endpoint_is_retried_within_the_rate_limit(fake):
    """
    A request to any endpoint is retried after a temporary error, even by a client with
    a rate limit.
    """
    fake.fail(500)
    fake.play(Head(200, ()), Data(b"mp3"))
    limit = asi1.RateLimit(requests_per_minute=600)
    retry = asi1.RetryPolicy(wait_first=0)

    async with in_process(fake, rate_limit=limit, retry=retry) as client:
        reply = await client.request("GET", "/speech")

    assert (b"mp3", 2) == (reply.content, len(reply.response.attempts))

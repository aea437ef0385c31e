"""The image calls of a client."""

from __future__ import annotations

import subprocess
import sys

from contextlib import suppress

import anyio
import pytest

import asi1

from asi1.testing import FAULTS, Close, Data, Head

from ..support.talk import in_process


PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 9
SHAPES = ["images.url", "images", "data.b64_json", "data.url", "image_url", "url"]


@pytest.mark.parametrize("shape", SHAPES)
async def test_image_of_every_format_is_returned(fake, fake_client, shape):
    """
    `generate` returns the image of a reply in each known format, with the response
    metadata.
    """
    fake.image(PNG, shape=shape)

    image = await fake_client.images.generate("an otter", size="1024x1024")

    assert PNG == image.bytes
    assert 200 == image.response.status
    (request,) = fake.requests
    assert ("POST", "/v1/image/generate") == (request.method, request.path)
    assert {"model": "asi1-mini", "prompt": "an otter", "size": "1024x1024"} == (
        request.json
    )


async def test_edit_sends_images_of_files_bytes_and_urls(fake, fake_client, tmp_path):
    """
    `edit` sends files and bytes as data URLs and sends URLs unchanged, and returns the
    new image.
    """
    (tmp_path / "otter.png").write_bytes(PNG)
    fake.image("https://cdn.example/otter.png")

    image = await fake_client.images.edit(
        "a hat", images=[tmp_path / "otter.png", PNG, "https://a/1.png"]
    )

    assert "https://cdn.example/otter.png" == image.url
    (request,) = fake.requests
    assert "/v1/image/edit" == request.path
    one, two, three = request.json["images"]
    assert one == two == "data:image/png;base64,iVBORw0KGgoAAAAAAAAAAAA="
    assert "https://a/1.png" == three


async def test_image_calls_accept_options_that_change_how_they_are_sent(
    fake, fake_client
):
    """
    Image calls accept the options that change how a request is sent, such as
    ``session_id`` and ``extra_headers``.
    """
    await fake_client.images.generate(
        "an otter", session_id="s1", extra_body={"n": 1}, extra_headers={"x-a": "b"}
    )

    (request,) = fake.requests
    assert ("s1", "b") == (request.headers["x-session-id"], request.headers["x-a"])
    assert 1 == request.json["n"]


@pytest.mark.virtual_time
async def test_image_call_is_retried_after_a_429_or_an_overload(fake):
    """
    After a status 429, or a status 200 whose body reports an overload, an image call is
    retried as a chat call is: after the wait that the server asks for.
    """
    fake.fail(429, retry_after=3)
    fake.reply_json({"error": {"message": "overloaded, try again in 5s", "code": 503}})
    async with in_process(fake) as client:
        image = await client.images.generate("an otter")

    first, second, third = image.response.attempts
    assert 3 <= first.wait <= 3.4
    assert 5 <= second.wait <= 5.6
    assert third.wait is None


async def test_truncated_or_invalid_reply_to_an_image_call_is_an_error(
    fake, fake_client
):
    """
    A reply that breaks off, is not JSON, or has no image raises an `APIError`; a part
    of an image is never returned.
    """
    head = Head(200, (("content-type", "application/json"),), "length", 99)
    fake.play(head, Data(b'{"url":"data:image/png;base64,iVBOR'), Close())
    fake.play(Head(200, (), "close"), Data(b'{"url":"data:image/png;base64,iV'))
    fake.reply_json({"status": 0, "message": "No credits left."})
    fake.fail(400, message="size is not supported")

    kinds = (asi1.APIConnectionError, *[asi1.APIResponseError] * 2)
    for kind in (*kinds, asi1.BadRequestError):
        with pytest.raises(kind):
            await fake_client.images.generate("an otter")


@pytest.mark.system
@pytest.mark.virtual_time
async def test_every_fault_ends_in_an_image_or_an_api_error(fake):
    """
    Whatever a server does, an image call ends within its total timeout, with an image
    or with an `APIError`.
    """
    small = {"mib": 2}
    async with in_process(fake, max_retries=0) as client:
        for name, fault in FAULTS.items():
            fake.fault(name, **(small if "mib" in fault.options else {}))
            with anyio.fail_after(61):
                with suppress(asi1.APIError):
                    image = await client.images.generate("an otter", timeout=60)
                    assert image.images


async def test_image_of_several_megabytes_is_returned(fake, fake_client):
    """
    An image of several megabytes is returned. An image larger than ``max_event_bytes``
    raises an error.
    """
    large = PNG + b"\0" * 3_000_000
    fake.image(large, times=2)

    assert large == (await fake_client.images.generate("an otter")).bytes
    async with in_process(fake, max_event_bytes=1_000_000) as client:
        with pytest.raises(asi1.APIResponseError, match="max_event_bytes"):
            await client.images.generate("an otter")


@pytest.mark.virtual_time
async def test_image_call_ends_at_its_timeout_and_when_cancelled(fake, fake_client):
    """
    A slow image call ends when its timeout expires or when its task is cancelled.
    """
    fake.fault("stall_after_headers", times=2)

    with pytest.raises(asi1.APITimeoutError):
        await fake_client.images.generate("an otter", timeout=5)
    with anyio.move_on_after(5) as scope:
        await fake_client.images.generate("an otter")
    assert scope.cancelled_caught


async def test_closed_client_refuses_image_calls(fake):
    """
    After the client was closed, image calls raise `ClientClosedError`.
    """
    client = in_process(fake)
    await client.aclose()

    with pytest.raises(asi1.ClientClosedError):
        await client.images.generate("an otter")


@pytest.mark.system
def test_chat_calls_load_no_module_for_images():
    """
    A program that makes chat calls alone loads none of the modules for images.
    """
    program = """
import sys
import asi1
from asi1.testing import FakeASI1
loaded = {name for name in sys.modules if "image" in name}
with FakeASI1() as fake, asi1.ASI1("sk-test", fake.base_url) as client:
    client.chat.completions.create(messages="Hi")
    client.conversation().ask("Hi")
print({name for name in sys.modules if "image" in name} - loaded)
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )

    assert ("set()\n", "") == (done.stdout, done.stderr)

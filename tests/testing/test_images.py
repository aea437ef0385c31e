"""The fake's replies to image calls."""

from __future__ import annotations

import httpx
import pytest

from asi1.testing import FakeASI1


URL = "http://127.0.0.1:1/v1/image/"


async def post(fake, call="generate"):
    async with httpx.AsyncClient(transport=fake.transport) as client:
        return (await client.post(URL + call, json={"prompt": "an otter"})).json()


async def test_unscripted_fake_answers_both_image_calls_with_a_gif():
    """
    Without scripted replies, both image calls get a small GIF in the documented format.
    """
    fake = FakeASI1()

    for call in ("generate", "edit"):
        (image,) = (await post(fake, call))["images"]
        assert image["url"].startswith("data:image/gif;base64,R0lGODlhAQAB")


@pytest.mark.parametrize(
    ("shape", "body"),
    [
        ("images", {"images": ["https://a/1.png"]}),
        ("data.url", {"created": 1_740_000_000, "data": [{"url": "https://a/1.png"}]}),
        ("image_url", {"image_url": "https://a/1.png"}),
        ("url", {"url": "https://a/1.png"}),
    ],
)
async def test_scripted_url_is_sent_in_place_of_image_data(shape, body):
    """
    If an image is scripted as a URL, the reply contains that URL in place of the
    image's data.
    """
    fake = FakeASI1()
    fake.image("https://a/1.png", shape=shape)

    assert body == await post(fake)


async def test_shape_data_b64_json_sends_the_image_as_base64():
    """
    With ``shape="data.b64_json"``, the fake sends the image as base64, without a media
    type.
    """
    fake = FakeASI1()
    fake.image(b"GIF89a", shape="data.b64_json")

    assert {"data": [{"b64_json": "R0lGODlh"}]} == await post(fake)


@pytest.mark.parametrize(
    "wrong",
    [{"shape": "data"}, {"image": "https://a", "shape": "data.b64_json"}],
)
def test_scripting_an_image_with_an_invalid_shape_is_a_value_error(wrong):
    """
    `FakeASI1.image` raises a ValueError for an unknown *shape*, and for a URL with a
    *shape* that sends only base64.
    """
    with pytest.raises(ValueError, match="shape"):
        FakeASI1().image(**wrong)

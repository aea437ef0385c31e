"""The image calls of the blocking client."""

from __future__ import annotations


def test_blocking_image_calls_return_images(fake, blocking_client, tmp_path):
    """
    `generate` and `edit` of a blocking client return an image that can be saved.
    """
    fake.image(b"GIF89a one", shape="data.b64_json")

    image = blocking_client.images.generate("an otter", model="asi1")
    image.save(tmp_path / "one.gif")
    changed = blocking_client.images.edit("a hat", images=[tmp_path / "one.gif"])

    assert b"GIF89a one" == (tmp_path / "one.gif").read_bytes()
    assert "image/gif" == changed.media_type
    first, second = fake.requests
    assert {"model": "asi1", "prompt": "an otter"} == first.json
    assert {"images", "prompt"} == set(second.json)

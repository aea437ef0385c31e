"""
The images that a caller adds to a message, and the URLs that the request has for them.
"""

from __future__ import annotations

import base64
import pickle

from pathlib import Path

import pytest

from asi1 import ArgumentError, UserMessage
from asi1._models.image_data import image_urls, media_type, size_without_images


PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 9
MAGIC = {
    "image/png": PNG,
    "image/jpeg": b"\xff\xd8\xff\xe0 jpeg",
    "image/gif": b"GIF89a gif",
    "image/webp": b"RIFF\x10\0\0\0WEBPVP8 ",
}
MIB = 1024 * 1024


def data_url(data, kind="image/png"):
    """Return *data* as a ``data:`` URL."""
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


@pytest.mark.parametrize(("kind", "data"), MAGIC.items())
@pytest.mark.parametrize("form", ["bytes", "bytearray", "memoryview", "path", "str"])
def test_image_becomes_a_data_url_with_the_media_type_of_its_bytes(
    tmp_path, kind, data, form
):
    """
    An image given as bytes or as a file's path becomes a ``data:`` URL. The media type
    is found from the image's first bytes, whatever the file's name.
    """
    path = tmp_path / "image.txt"
    path.write_bytes(data)
    made = {
        "bytes": data,
        "bytearray": bytearray(data),
        "memoryview": memoryview(data),
        "path": path,
        "str": str(path),
    }

    assert (data_url(data, kind),) == image_urls([made[form]])


def test_gif87a_is_recognised_and_other_data_is_not_an_image():
    """
    GIF87a, the older version of GIF, is recognised. Text, a RIFF file that is not an
    image, and an incomplete PNG signature are not recognised as images.
    """
    assert "image/gif" == media_type(b"GIF87a")
    for data in (b"", b"<svg>", b"RIFF\x10\0\0\0WAVEfmt ", PNG[:4]):
        assert media_type(data) is None


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org/otter.png",
        "HTTP://example.org/otter.png",
        "data:image/bmp;base64,Qk0=",
    ],
)
def test_url_of_an_image_is_sent_unchanged(url):
    """
    A str that begins with ``https:``, ``http:`` or ``data:`` is sent as it is.
    """
    assert (url,) == image_urls([url])


@pytest.mark.parametrize(
    ("images", "argument", "problem"),
    [
        (PNG, "images", "must be a list"),
        ("otter.png", "images", "must be a list"),
        (Path("otter.png"), "images", "must be a list"),
        (5, "images", "must be a list"),
        (None, "images", "must be a list"),
        ([PNG, 5], "images[1]", "must be a path, bytes or a URL (it is int)"),
        ([PNG, None], "images[1]", "must be a path, bytes or a URL (it is NoneType)"),
        ([PNG, b""], "images[1]", "is empty"),
        ([""], "images[0]", "is an empty path"),
        ([b"%PDF-1.7"], "images[0]", "is not a PNG, JPEG, GIF or WebP image"),
        (["/no/otter.png"], "images[0]", "cannot be read from '/no/otter.png'"),
        (["otter\0.png"], "images[0]", "cannot be read from"),
        ([PNG + b"\0" * 20 * MIB], "images[0]", "has 20,971,537 bytes; an image may"),
    ],
)
def test_image_that_cannot_be_sent_raises_an_error_that_names_it(
    images, argument, problem
):
    """
    An image that cannot be read or sent raises an error before anything is sent. The
    error names the image and says what is wrong.
    """
    with pytest.raises(ArgumentError) as caught:
        UserMessage("What is this?", images=images)

    assert argument == caught.value.argument
    assert problem in str(caught.value)
    assert 400 > len(str(caught.value))


def test_large_or_endless_file_is_refused_without_reading_all_of_it(tmp_path):
    """
    At most one byte more than the limit on an image's size is read from a file. So even
    an endless device such as /dev/zero is refused.
    """
    path = tmp_path / "otter.png"
    with path.open("wb") as file:
        file.write(PNG)
        file.truncate(10**12)  # makes a sparse file, which takes up no disk space
    for large in (path, "/dev/zero"):
        with pytest.raises(ArgumentError, match=r"too large; .*20,971,520 bytes"):
            image_urls([large])


def test_path_of_a_folder_in_place_of_an_image_is_refused(tmp_path):
    """
    The path of a folder in place of an image raises the same error as any other path
    that cannot be read.
    """
    with pytest.raises(ArgumentError, match="cannot be read"):
        image_urls([tmp_path])


def test_message_keeps_the_image_of_a_file_that_changes_later(tmp_path):
    """
    An image file is read when the message is created, so later changes of the file do
    not matter. Copies and pickles of the message have the same image; the message's
    repr does not show it.
    """
    path = tmp_path / "otter.png"
    path.write_bytes(PNG)
    message = UserMessage("What is this?", images=iter([path]))
    path.unlink()

    assert (data_url(PNG),) == message.images
    assert message == pickle.loads(pickle.dumps(message))
    assert "UserMessage(content='What is this?')" == repr(message)


def test_images_stand_after_the_text_in_the_content_of_a_message():
    """
    The content of a message with images has the text or the content parts first, and
    then the images in the order given.
    """
    text = {"type": "text", "text": "Which?"}
    urls = ["https://a/1.png", "https://a/2.png"]
    images = [{"type": "image_url", "image_url": {"url": url}} for url in urls]
    wanted = {"role": "user", "content": [text, *images]}

    assert wanted == UserMessage("Which?", images=urls).to_dict()
    assert wanted == UserMessage([text], images=urls).to_dict()
    assert wanted == UserMessage((text, images[0]), images=urls[1:]).to_dict()
    assert {"role": "user", "content": "Which?"} == (
        UserMessage("Which?", images=[]).to_dict()
    )


def test_size_without_images_leaves_the_data_of_images_out():
    """
    `size_without_images` returns the size that a request body would have if the data of
    its images were empty.
    """
    body = b'[{"url":"%b"},"text;base64,AAAA",{"url":"%b"}]'
    full = [data_url(PNG * 99).encode(), data_url(b"GIF", "image/gif").encode()]
    empty = [b"data:image/png;base64,", b"data:image/gif;base64,"]

    assert len(body % (*empty,)) == size_without_images(body % (*full,))

"""Generated images: saving to files, display in notebooks, and pickling."""

from __future__ import annotations

import json
import pickle

import attrs
import pytest

import asi1


PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 9
LOCAL = asi1.GeneratedImage(data=PNG)
REMOTE = asi1.GeneratedImage(url='https://a/"><script>')


def test_save_writes_the_bytes_of_the_first_image(tmp_path):
    """
    ``save`` of an image writes its bytes to a file; ``save`` of a reply with several
    images writes the first image.
    """
    LOCAL.save(tmp_path / "one.png")
    asi1.GeneratedImages(images=(LOCAL, REMOTE)).save(str(tmp_path / "two.png"))

    assert PNG == (tmp_path / "one.png").read_bytes()
    assert PNG == (tmp_path / "two.png").read_bytes()


@pytest.mark.parametrize("place", ["", "no/such/folder.png", "a\0.png"])
def test_save_to_a_path_that_cannot_be_written_raises_an_argument_error(
    tmp_path, place
):
    """
    ``save`` to a path that cannot be written raises an `ArgumentError` that gives the
    reason.
    """
    with pytest.raises(asi1.ArgumentError, match="path: cannot write to") as caught:
        LOCAL.save(f"{tmp_path}/{place}")

    assert "path" == caught.value.argument


def test_saving_an_image_that_is_only_a_url_raises_an_error(tmp_path):
    """
    asi1 downloads nothing from other servers. So ``save`` of an image that is only a
    URL raises an error, and leaves no empty file.
    """
    with pytest.raises(asi1.ASI1Error, match="URL in place of the image"):
        REMOTE.save(tmp_path / "one.png")

    assert [] == list(tmp_path.iterdir())


def test_notebook_shows_all_images():
    """
    A notebook shows each image as HTML. A URL cannot break out of its HTML attribute,
    and an image of an unknown type is not shown.
    """
    unknown = asi1.GeneratedImage(data=b"text")
    shown = asi1.GeneratedImages(images=(LOCAL, REMOTE, unknown))._repr_html_()
    one, two, three = shown.splitlines()

    assert '<img src="data:image/png;base64,iVBORw0KGgoAAAAAAAAAAAA="' in one
    assert 'src="https://a/&quot;&gt;&lt;script&gt;"' in two
    assert "(an image of unknown type)" == three


def test_images_can_be_pickled_and_their_repr_has_no_image_data():
    """
    Images can be pickled. Their ``repr`` leaves out the image data.
    """
    both = asi1.GeneratedImages(images=(LOCAL, REMOTE), wire={"images": ["x" * 9999]})

    assert both == pickle.loads(pickle.dumps(both))
    assert 300 > len(repr(both))


async def test_images_are_dumped_as_openais_client_dumps_them(fake, fake_client):
    """
    ``to_dict`` of a reply is what the server sent. ``model_dump`` has every image under
    ``data``, with ``b64_json``, ``url`` and the server's other keys, in whatever form
    the server sent it.
    """
    one, text = {"b64_json": "iVBORw0KGgo=", "revised_prompt": "An otter."}, "aGk="
    for reply in ({"created": 1, "data": [one]}, {"images": [{"image": text}], "x": 2}):
        fake.reply_json(reply)
    first = await fake_client.images.generate(prompt="Otter")
    second = await fake_client.images.generate(prompt="Otter")

    assert {"created": 1, "data": [one]} == first.to_dict()
    assert one == first.images[0].to_dict()
    dump = {"created": 1, "data": [{**one, "url": None}]}
    assert dump == first.model_dump() == json.loads(first.model_dump_json())
    assert {"created": 1, "data": [one]} == first.model_dump(exclude_none=True)
    assert "An otter." == first.data[0].revised_prompt
    assert second.data[0].revised_prompt is None
    assert {"images": [{"image": text}], "x": 2} == second.to_dict()
    image = {"image": text, "b64_json": text, "url": None}
    assert image == second.images[0].model_dump() == second.model_dump()["data"][0]


async def test_changed_images_are_dumped_with_their_new_values(fake, fake_client):
    """
    The dumps of a changed copy of a reply, or of one image, have the new values. Images
    that a program makes itself are dumped with their own values.
    """
    fake.reply_json({"created": 1, "data": [{"b64_json": "iVBORw0KGgo="}], "x": 2})
    reply = await fake_client.images.generate(prompt="Otter")
    image = {"b64_json": "iVBORw0KGgoAAAAAAAAAAAA="}

    changed = attrs.evolve(reply, images=(LOCAL,))
    assert {"created": 1, "data": [image], "x": 2} == changed.to_dict()
    assert [{**image, "url": None}] == changed.model_dump()["data"]
    assert {"x": 2} == attrs.evolve(reply, images=(), created=None).to_dict()
    assert image == attrs.evolve(reply.images[0], data=PNG).to_dict()
    made = asi1.GeneratedImages(images=(LOCAL, REMOTE), created=3)
    both = [image, {"url": REMOTE.url}]
    assert {"created": 3, "data": both} == made.to_dict() == json.loads(made.to_json())
    assert made.to_dict() == made.model_dump(exclude_none=True)

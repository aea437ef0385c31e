"""Generated images: saving to files, display in notebooks, and pickling."""

from __future__ import annotations

import pickle

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

"""The requests for images, and the images in replies of every known format."""

from __future__ import annotations

import base64

import pytest

import asi1

from asi1._models.response import ResponseInfo
from asi1._protocol.image_calls import edit_request, generate_request, images_of
from asi1._settings.secret import Secret

from ..support.calls import config


PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
ENCODED = base64.b64encode(PNG).decode()
DATA_URL = f"data:image/png;base64,{ENCODED}"
WEB_URL = "https://cdn.example/otter.png?a=1&b=2"
FORMATS = {
    "documented": lambda x: {"status": 1, "message": "Success", "images": [{"url": x}]},
    "bare-string": lambda x: {"images": [x]},
    "b64-json-in-images": lambda x: {"images": [{"b64_json": x}]},
    "b64-json": lambda x: {"created": 1740, "data": [{"b64_json": x}]},
    "data-url": lambda x: {"data": [{"url": x, "revised_prompt": "an otter"}]},
    "data-bare": lambda x: {"data": [x]},
    "data-object": lambda x: {"data": {"images": [{"url": x}]}},
    "image-url": lambda x: {"image_url": x},
    "image-url-object": lambda x: {"image_url": {"url": x}},
    "url": lambda x: {"url": x},
    "image": lambda x: {"image": x},
    "empty-list-first": lambda x: {"images": [], "data": [{"b64_json": x}]},
    "null-first": lambda x: {"images": None, "data": [{"b64_json": None, "url": x}]},
}
every_format = pytest.mark.parametrize("shape", FORMATS.values(), ids=FORMATS)


def read(value):
    """Return the images in the body of a reply with status 200."""
    return images_of(ResponseInfo(status=200), value, Secret("sk-canary-key"))


@every_format
@pytest.mark.parametrize(
    "source",
    [
        DATA_URL,
        ENCODED,
        "\n".join(ENCODED[at : at + 76] for at in range(0, len(ENCODED), 76)),
        ENCODED.rstrip("="),
        base64.urlsafe_b64encode(PNG).decode(),
        DATA_URL.replace("image/png", "image/png;name=otter.png"),
        DATA_URL.replace("image/png", "").replace("data:", "DATA:"),
    ],
    ids=["data-url", "plain", "lines", "no-padding", "urlsafe", "params", "no-type"],
)
def test_image_in_a_reply_of_any_format_is_found(shape, source):
    """
    An image is found in each format of a reply, and in each variant of base64, such as
    one without padding.
    """
    found = read(shape(source))

    assert PNG == found.bytes
    assert ("image/png", None) == (found.media_type, found.url)
    assert 1 == len(found.images)


@every_format
def test_url_that_the_server_sent_in_place_of_an_image_is_returned(shape):
    """
    A server may send a URL in place of an image. The URL is in ``url`` of the result.
    """
    found = read(shape(WEB_URL))

    assert WEB_URL == found.url
    assert found.media_type is None
    with pytest.raises(asi1.ASI1Error, match="see its url"):
        _ = found.bytes


def test_all_images_are_returned_in_order_and_unknown_keys_are_in_extra():
    """
    The images of a reply keep their order. Keys without a field are in ``extra``, and
    the complete reply is in ``wire``.
    """
    value = {
        "created": 1740,
        "status": 1,
        "images": [{"url": DATA_URL}, WEB_URL, {"b64_json": ENCODED, "url": WEB_URL}],
    }

    found = read(value)

    assert [PNG, None, PNG] == [image.data for image in found.images]
    assert 1740 == found.created
    assert {"status": 1} == found.extra
    assert value == found.to_dict()


def test_image_in_a_percent_encoded_data_url_is_decoded():
    """
    An image is read from a percent-encoded ``data:`` URL, with or without base64.
    """
    assert b"<svg/>" == read({"url": "data:image/svg+xml,%3Csvg/%3E"}).bytes
    assert b"\xfb\xff" == read({"url": "data:image/png;base64,%2B%2F8%3D"}).bytes


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (None, "an empty body"),
        ({}, "JSON of another kind"),
        ([], "JSON of another kind"),
        ({"images": []}, "JSON of another kind"),
        ({"images": [None, {}, ""]}, "JSON of another kind"),
        ({"data": [{"b64_json": 5}]}, "JSON of another kind"),
        ({"status": 0, "message": "No credits left."}, "No credits left."),
        ({"error": {"message": "Refused by the filter."}}, "Refused by the filter."),
        ({"error": "Refused.", "images": [DATA_URL]}, "Refused."),
        ("<html><title>Down</title>", "an HTML page (Down)"),
        ({"images": ["otter"]}, "number 1 of 1"),
        ({"images": [DATA_URL, {"url": "/files/otter.png"}]}, "number 2 of 2"),
        ({"images": [DATA_URL + "!"]}, "number 1 of 1"),
        ({"images": ["data:image/png;base64,"]}, "number 1 of 1"),
        ({"images": ["data:image/png;base64"]}, "number 1 of 1"),
        ({"images": ["javascript:alert(1)"]}, "number 1 of 1"),
        ({"images": ["https://a b"]}, "number 1 of 1"),
        ({"images": [ENCODED[:-3]]}, "number 1 of 1"),
    ],
)
def test_reply_without_a_complete_image_is_an_error(value, problem):
    """
    A reply without an image, or with an incomplete image, raises an error that names
    the problem. Complete images in this reply are not returned.
    """
    with pytest.raises(asi1.APIResponseError) as caught:
        read(value)

    assert problem in str(caught.value)
    assert 300 > len(str(caught.value))


def test_image_error_that_names_a_temporary_failure_is_retryable():
    """
    If the reply to an image request is an error that has the name or status of a
    temporary failure, the error is retryable.
    """
    with pytest.raises(asi1.APIResponseError) as caught:
        read({"error": {"message": "busy", "code": 503}})

    assert caught.value.retryable
    assert "503" == caught.value.code


def test_image_request_has_only_the_fields_that_the_caller_set():
    """
    A request for a new image has the prompt and the model, and a size only if the
    caller gave one.
    """
    plain = generate_request(config(), "an otter", size=None, model=None, options={})
    sized = generate_request(
        config(model="asi1"), "an otter", size="1024x1024", model="x", options={}
    )

    assert b'{"model":"asi1-mini","prompt":"an otter"}' == plain.body
    assert b'{"model":"x","prompt":"an otter","size":"1024x1024"}' == sized.body
    assert plain.url.endswith("/v1/image/generate")
    assert "POST" == plain.method


def test_edit_request_has_the_images_as_urls():
    """
    A request to edit images has the images as URLs, and other fields only if the caller
    gave them.
    """
    made = {"images": [PNG, WEB_URL], "guidance_scale": None, "model": None}
    plain = edit_request(config(), "a hat", **made, options={})
    scaled = edit_request(
        config(),
        "a hat",
        **{**made, "guidance_scale": 7.5, "model": "asi1"},
        options={"extra_body": {"seed": 1}},
    )

    start = f'{{"images":["{DATA_URL}","{WEB_URL}"],"prompt":"a hat"'
    assert f"{start}}}".encode() == plain.body
    more = ',"guidance_scale":7.5,"model":"asi1","seed":1}'
    assert f"{start}{more}".encode() == scaled.body
    assert plain.url.endswith("/v1/image/edit")


@pytest.mark.parametrize(
    ("changed", "argument"),
    [
        ({"prompt": ""}, "prompt"),
        ({"prompt": " \n"}, "prompt"),
        ({"prompt": 5}, "prompt"),
        ({"model": ""}, "model"),
        ({"images": []}, "images"),
        ({"images": [b"text"]}, "images[0]"),
        ({"guidance_scale": -1}, "guidance_scale"),
        ({"guidance_scale": "7"}, "guidance_scale"),
        ({"options": {"temperature": 1}}, "temperature"),
    ],
)
def test_wrong_argument_of_an_image_edit_raises_an_error_that_names_it(
    changed, argument
):
    """
    A wrong argument for an image edit raises an error that names the argument. Nothing
    is sent.
    """
    given = {"prompt": "a hat", "images": [PNG], "guidance_scale": None, "model": None}
    given |= {"options": {}, **changed}

    with pytest.raises(asi1.ArgumentError) as caught:
        edit_request(config(), given.pop("prompt"), **given)

    assert argument == caught.value.argument


@pytest.mark.parametrize(
    ("changed", "argument"),
    [
        ({"size": ""}, "size"),
        ({"size": (1024, 1024)}, "size"),
        ({"model": 5}, "model"),
        ({"options": {"n": 2}}, "n"),
    ],
)
def test_wrong_argument_for_a_new_image_raises_an_error_that_names_it(
    changed, argument
):
    """
    A wrong size, model or option for a new image raises an error that names the
    argument. Nothing is sent.
    """
    given = {"size": None, "model": None, "options": {}, **changed}

    with pytest.raises(asi1.ArgumentError) as caught:
        generate_request(config(), "an otter", **given)

    assert argument == caught.value.argument

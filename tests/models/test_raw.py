"""The reply of any endpoint, as bytes, text and JSON."""

from __future__ import annotations

import pytest

from asi1 import APIResponseError, RawReply
from asi1._models.response import read_info


def test_raw_reply_has_bytes_text_and_json():
    """
    The reply of any endpoint can be read as bytes, as text and as JSON.
    """
    info = read_info(200, {})

    assert {"a": 1} == RawReply(content=b'{"a":1}', response=info).json()
    assert "\ufffd\u00f6" == RawReply(content=b"\xff\xc3\xb6", response=info).text


def test_json_of_a_raw_reply_that_is_not_valid_json_raises_an_error():
    """
    ``json()`` of a raw reply that is not valid JSON raises an error. The error has the
    reply's text and metadata.
    """
    info = read_info(200, {"x-request-id": "req_7"})

    with pytest.raises(APIResponseError, match="is not valid JSON") as caught:
        RawReply(content=b"<html>", response=info).json()

    assert ("<html>", "req_7") == (caught.value.body, caught.value.request_id)


def test_error_of_an_invalid_raw_reply_has_at_most_64_kib_of_its_text():
    """
    If a raw reply is not valid JSON, the error has at most 64 KiB of the reply's text.
    The error of the JSON parser is not shown as its cause.
    """
    text = "<" + "x" * 64 * 1024

    with pytest.raises(APIResponseError) as caught:
        RawReply(content=text.encode(), response=read_info(200, {})).json()

    assert text[:-1] == caught.value.body
    assert caught.value.__context__ is None

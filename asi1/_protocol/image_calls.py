"""
Builds the requests of image calls, and reads the images in their replies.

The format of the reply is not stable: the images are under ``images`` or ``data``, or
one image is at the top level; each is base64, a ``data:`` URL or an http(s) URL.
"""

from __future__ import annotations

import binascii
import re

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeAlias
from urllib.parse import unquote_to_bytes

import attrs

from .._models.base import as_sent
from .._models.base_types import JSON
from .._models.errors import APIResponseError
from .._models.generated_images import GeneratedImage, GeneratedImages
from .._models.image_data import Image, image_urls
from .._models.response import ResponseInfo
from .._settings.config import ClientConfig, read_model
from .._settings.option_checks import as_argument
from .._settings.secret import Secret
from .._settings.validators import number, wrong
from .error_body import find_error, read_error_body
from .plain_request import plain_request
from .request import Request


__all__ = ["edit_request", "generate_request", "images_of"]

# Keys under which a reply may have its images, and an image may have its data or URL.
# The first key with a value is used.
_KEYS = ("images", "data", "b64_json", "url", "image_url", "image")
_DATA_URL = re.compile(r"data:[^,]{0,200}?(;base64)?,", re.IGNORECASE)
_WEB_URL = re.compile(r"https?://[^\s\"'<>]+", re.IGNORECASE)
_Item: TypeAlias = Mapping[str, JSON] | None
_SPACE = re.compile(r"\s+")
# Translates URL-safe base64 to standard base64.
_USUAL = str.maketrans("-_", "+/")


def generate_request(
    config: ClientConfig,
    prompt: object,
    *,
    size: object,
    model: str | None,
    options: Mapping[str, Any],
) -> Request:
    """
    Build the request for a new image.

    Raises:
        ArgumentError: An argument is invalid; the error names it.
    """
    chosen = config.model if model is None else as_argument("model", read_model, model)
    body = {"model": chosen, "prompt": _text("prompt", prompt)}
    if size is not None:
        body["size"] = _text("size", size)
    return _request(config, "generate", body, options)


def edit_request(
    config: ClientConfig,
    prompt: object,
    *,
    images: Iterable[Image],
    guidance_scale: object,
    model: str | None,
    options: Mapping[str, Any],
) -> Request:
    """
    Build the request to edit *images*; an image that is a path is read from its file.

    Raises:
        ArgumentError: An argument is invalid; the error names it.
    """
    urls = image_urls(images)
    if not urls:
        raise wrong("images", "must contain at least one image", images)
    body: dict[str, JSON] = {"images": list(urls), "prompt": _text("prompt", prompt)}
    if guidance_scale is not None:
        if problem := number(0)(guidance_scale):
            raise wrong("guidance_scale", problem, guidance_scale)
        body["guidance_scale"] = guidance_scale
    if model is not None:
        body["model"] = as_argument("model", read_model, model)
    return _request(config, "edit", body, options)


def _request(
    config: ClientConfig,
    name: str,
    body: Mapping[str, JSON],
    options: Mapping[str, Any],
) -> Request:
    request = plain_request(
        config, "POST", f"/image/{name}", json=body, options=options
    )
    # Hooks see the size and the guidance scale, but not the prompt and the images.
    told = {key: body[key] for key in ("size", "guidance_scale") if key in body}
    return attrs.evolve(request, operation="images", options=told)


def _text(argument: str, value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise wrong(argument, "must be a non-empty str", value)
    return value


def images_of(info: ResponseInfo, value: JSON, key: Secret) -> GeneratedImages:
    """
    Return the images in *value*, the body of a reply with a 2xx status.

    Args:
        info: The reply's metadata.
        value: The body as JSON, or as text if it is not JSON; None if it is empty.
        key: The API key, which is redacted from excerpts in an error.

    Raises:
        APIResponseError: The body is an error, has no image, or has one that cannot be
            decoded.
    """
    sources = list(_sources(value)) if isinstance(value, dict) else []
    error = find_error(value, named=bool(sources)) if isinstance(value, dict) else None
    if error is not None or not sources:
        raise _no_images(info, value, error, key)
    images = [_image(*source) for source in sources]
    if None in images:
        raise APIResponseError(
            f"the reply ({info.status}) has an image that is neither base64 nor a URL:"
            f" number {images.index(None) + 1} of {len(images)}",
            response=info,
        )
    created = value.get("created")
    reply = GeneratedImages(
        images=tuple(image for image in images if image is not None),
        created=created if type(created) is int else None,
        extra={k: v for k, v in value.items() if k not in (*_KEYS, "created")},
        wire=value,
    )
    return as_sent(reply)


def _no_images(
    info: ResponseInfo, value: JSON, error: Mapping[str, JSON] | None, key: Secret
) -> APIResponseError:
    told = read_error_body(value if error is None else error, key)
    what = told.message if isinstance(value, dict | str) else ""
    if value is None:
        what = "an empty body"
    return APIResponseError(
        f"the reply ({info.status}) has no image: {what or 'JSON of another kind'}",
        code=told.code,
        type=told.type,
        param=told.param,
        body=value,
        retryable=error is not None and told.passing,
        response=info,
    )


def _sources(value: JSON, item: _Item = None) -> Iterator[tuple[str, _Item]]:
    """
    Yield the base64, ``data:`` URL or http(s) URL of each image in *value*.

    Each image is yielded together with *item*: the object in a list that contains the
    image; None outside of lists.
    """
    if isinstance(value, str) and value:
        yield value, item
    elif isinstance(value, list):
        for each in value:
            yield from _sources(each, each if isinstance(each, dict) else None)
    elif isinstance(value, dict):
        for name in _KEYS:
            if found := list(_sources(value.get(name), item)):
                yield from found
                return


def _image(source: str, item: _Item) -> GeneratedImage | None:
    """Return the image in *source*; None if this is neither base64 nor a URL."""
    text, data, url = source.strip(), None, None
    if _WEB_URL.fullmatch(text):
        url = text
    elif head := _DATA_URL.match(text):
        content = unquote_to_bytes(text[head.end() :])
        data = _decoded(content.decode("latin-1")) if head[1] else content
    else:
        data = _decoded(text)
    if not (data or url):
        return None
    extra = {k: v for k, v in (item or {}).items() if k not in _KEYS}
    return as_sent(GeneratedImage(data=data, url=url, extra=extra, wire=item))


def _decoded(text: str) -> bytes | None:
    plain = _SPACE.sub("", text).translate(_USUAL).rstrip("=")
    padded = plain + "=" * (-len(plain) % 4)
    try:
        return binascii.a2b_base64(padded, strict_mode=True)
    except ValueError:
        return None

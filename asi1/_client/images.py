"""``client.images``: the methods that generate and change images."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Unpack

from .._models.base_types import Hinted, public
from .._models.generated_images import GeneratedImages
from .._models.image_data import Image
from .._settings.options import RequestOptions, lists
from .loader import async_loader, loader


if TYPE_CHECKING:
    from .._call.images_reader import ImagesReader
    from .._protocol.request import Request
    from .lazy_engine import LazyEngine
    from .raw_calls import AsyncRawImages


__all__ = ["AsyncImages"]


@public
class AsyncImages(Hinted):
    """The image endpoints."""

    def __init__(self, lazy: LazyEngine) -> None:
        """Users do not construct this class; the client does."""
        self._lazy = lazy
        self._raw: AsyncRawImages | None = None

    @property
    def with_raw_response(self) -> AsyncRawImages:
        """`generate` and `edit` that return a `RawResponse` with status and headers."""
        self._raw = self._raw or _raw_calls()(self)
        return self._raw

    @lists(RequestOptions)
    async def generate(
        self,
        prompt: str,
        *,
        size: str | None = None,
        model: str | None = None,
        **options: Unpack[RequestOptions],
    ) -> GeneratedImages:
        """
        Generate an image.

        Args:
            prompt: What the image is to show.
            size: Width and height, such as "1024x1024", "1792x1024" or "1024x1792"; the
                server's choice if left out.
            model: "asi1" or "asi1-mini"; the client's model if left out.
            **options: Fields of `RequestOptions`.

        Returns:
            The image: see `GeneratedImages.bytes` and `GeneratedImages.save`.

        Raises:
            ArgumentError: An argument is wrong; nothing was sent.
            APIStatusError: The server refused the request; the subclass says why.
            APITimeoutError: A timeout passed.
            APIConnectionError: No usable reply arrived.
            APIResponseError: The reply has no image, or one that cannot be decoded.
            ClientClosedError: The client was closed, before or during the call.
            ConfigurationError: A proxy or CA file from the environment is unusable.

        Source: https://docs.asi1.ai/documentation/build-with-asi-one/image-generation
        """
        engine = await self._lazy.ready()
        generate_request, _, reader = await _calls.ready()
        request = generate_request(
            engine.config, prompt, size=size, model=model, options=options
        )
        return await engine.fetch(request, reader)

    @lists(RequestOptions)
    async def edit(
        self,
        prompt: str,
        *,
        images: Iterable[Image],
        guidance_scale: float | None = None,
        model: str | None = None,
        **options: Unpack[RequestOptions],
    ) -> GeneratedImages:
        """
        Make a new image from *images*. ASI-1 does not document this endpoint.

        Args:
            prompt: What is to change.
            images: Each is a path, bytes, or a URL, as for `UserMessage`. Files are
                read before the call begins.
            guidance_scale: How closely the image is to follow *prompt*; at least 0.
            model: Sent only if given.
            **options: Fields of `RequestOptions`.

        Raises:
            ASI1Error: As for `generate`.
        """
        engine = await self._lazy.ready()
        _, edit_request, reader = await _calls.ready()
        request = edit_request(
            engine.config,
            prompt,
            images=images,
            guidance_scale=guidance_scale,
            model=model,
            options=options,
        )
        return await engine.fetch(request, reader)


@async_loader("_call.images_reader", "_protocol.image_calls")
def _calls() -> tuple[
    Callable[..., Request], Callable[..., Request], type[ImagesReader]
]:
    from .._call.images_reader import ImagesReader  # noqa: PLC0415 - with the engine
    from .._protocol.image_calls import (  # noqa: PLC0415 - with the engine
        edit_request,
        generate_request,
    )

    return generate_request, edit_request, ImagesReader


@loader
def _raw_calls() -> type[AsyncRawImages]:
    from .raw_calls import AsyncRawImages  # noqa: PLC0415 - rarely used

    return AsyncRawImages

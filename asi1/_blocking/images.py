"""``client.images`` for blocking callers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Unpack

from .._call.images_reader import ImagesReader
from .._client.lazy_engine import LazyEngine
from .._client.loader import loader
from .._models.base_types import Hinted, public
from .._models.generated_images import GeneratedImages
from .._models.image_data import Image
from .._protocol.image_calls import edit_request, generate_request
from .._settings.options import RequestOptions, lists
from .loop_thread import loop_thread


if TYPE_CHECKING:
    from .raw_calls import RawImages


__all__ = ["Images"]


@public
class Images(Hinted):
    """
    The image endpoints.

    Same as `AsyncImages`, for blocking callers.
    """

    def __init__(self, lazy: LazyEngine) -> None:
        """Users do not construct this class; the client does."""
        self._engine = lazy.get()
        self._raw: RawImages | None = None

    @property
    def with_raw_response(self) -> RawImages:
        """`generate` and `edit` that return a `RawResponse` with status and headers."""
        self._raw = self._raw or _raw_calls()(self)
        return self._raw

    @lists(RequestOptions)
    def generate(
        self,
        prompt: str,
        *,
        size: str | None = None,
        model: str | None = None,
        **options: Unpack[RequestOptions],
    ) -> GeneratedImages:
        """
        Generate an image.

        Same as `AsyncImages.generate`, but blocks.

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
        """
        request = generate_request(
            self._engine.config, prompt, size=size, model=model, options=options
        )
        return loop_thread().run(lambda: self._engine.fetch_here(request, ImagesReader))

    @lists(RequestOptions)
    def edit(
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

        Same as `AsyncImages.edit`, but blocks.

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
        request = edit_request(
            self._engine.config,
            prompt,
            images=images,
            guidance_scale=guidance_scale,
            model=model,
            options=options,
        )
        return loop_thread().run(lambda: self._engine.fetch_here(request, ImagesReader))


@loader
def _raw_calls() -> type[RawImages]:
    from .raw_calls import RawImages  # noqa: PLC0415 - rarely used

    return RawImages

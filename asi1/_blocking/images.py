"""``client.images`` for blocking callers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Unpack

from .._call.engine import Engine
from .._call.images_reader import ImagesReader
from .._models.base_types import public
from .._models.generated_images import GeneratedImages
from .._models.image_data import Image
from .._protocol.image_calls import edit_request, generate_request
from .._settings.options import RequestOptions
from .loop_thread import loop_thread


__all__ = ["Images"]


@public
class Images:
    """Same as `AsyncImages`, for blocking callers."""

    def __init__(self, engine: Engine) -> None:
        """Users do not construct this class; the client does."""
        self._engine = engine

    def generate(
        self,
        prompt: str,
        *,
        size: str | None = None,
        model: str | None = None,
        **options: Unpack[RequestOptions],
    ) -> GeneratedImages:
        """Same as `AsyncImages.generate`, but blocks."""
        request = generate_request(
            self._engine.config, prompt, size=size, model=model, options=options
        )
        return loop_thread().run(self._engine.fetch(request, ImagesReader))

    def edit(
        self,
        prompt: str,
        *,
        images: Iterable[Image],
        guidance_scale: float | None = None,
        model: str | None = None,
        **options: Unpack[RequestOptions],
    ) -> GeneratedImages:
        """Same as `AsyncImages.edit`, but blocks."""
        request = edit_request(
            self._engine.config,
            prompt,
            images=images,
            guidance_scale=guidance_scale,
            model=model,
            options=options,
        )
        return loop_thread().run(self._engine.fetch(request, ImagesReader))

"""``client.images`` for blocking callers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Unpack

from .._call.engine import Engine
from .._call.images_reader import ImagesReader
from .._client.lazy_engine import loader
from .._models.base_types import Hinted, public
from .._models.generated_images import GeneratedImages
from .._models.image_data import Image
from .._protocol.image_calls import edit_request, generate_request
from .._settings.options import RequestOptions
from .loop_thread import loop_thread


if TYPE_CHECKING:
    from .raw_calls import RawImages


__all__ = ["Images"]


@public
class Images(Hinted):
    """Same as `AsyncImages`, for blocking callers."""

    def __init__(self, engine: Engine) -> None:
        """Users do not construct this class; the client does."""
        self._engine = engine
        self._raw: RawImages | None = None

    @property
    def with_raw_response(self) -> RawImages:
        """Same as `AsyncImages.with_raw_response`."""
        self._raw = self._raw or _raw_calls()(self)
        return self._raw

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


@loader
def _raw_calls() -> type[RawImages]:
    from .raw_calls import RawImages  # noqa: PLC0415 - rarely used

    return RawImages

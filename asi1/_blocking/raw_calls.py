"""``with_raw_response`` and ``with_streaming_response``, as in OpenAI's client."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any, Literal, Unpack, overload

from .._models.completion import ChatCompletion
from .._models.generated_images import GeneratedImages
from .._models.image_data import Image
from .._models.messages import Messages
from .._models.parsed import ParsedCompletion
from .._models.raw_response import RawResponse
from .._settings.options import ChatOptions, ParseOptions, RequestOptions
from .api_response import APIResponse
from .stream import ChatStream


__all__ = ["RawCompletions", "RawImages", "StreamedCompletions"]


class RawCompletions:
    """Same as `AsyncRawCompletions`, but blocks."""

    def __init__(self, completions: Any) -> None:
        """Users do not construct this class; the client does."""
        self._completions = completions

    @overload
    def create(
        self,
        *,
        messages: Messages,
        model: str | None = None,
        stream: Literal[False] = False,
        **options: Unpack[ChatOptions],
    ) -> RawResponse[ChatCompletion]: ...

    @overload
    def create(
        self,
        *,
        messages: Messages,
        model: str | None = None,
        stream: Literal[True],
        **options: Unpack[ChatOptions],
    ) -> RawResponse[ChatStream]: ...

    @overload
    def create(
        self,
        *,
        messages: Messages,
        model: str | None = None,
        stream: bool,
        **options: Unpack[ChatOptions],
    ) -> RawResponse[Any]: ...

    def create(
        self,
        *,
        messages: Messages,
        model: str | None = None,
        stream: bool = False,
        **options: Unpack[ChatOptions],
    ) -> RawResponse[Any]:
        """Same as `AsyncRawCompletions.create`, but blocks."""
        return RawResponse(
            self._completions.create(
                messages=messages, model=model, stream=stream, **options
            )
        )

    def parse(
        self,
        *,
        messages: Messages,
        response_format: Any,
        model: str | None = None,
        repair: int = 0,
        **options: Unpack[ParseOptions],
    ) -> RawResponse[ParsedCompletion[Any]]:
        """Same as `AsyncRawCompletions.parse`, but blocks."""
        return RawResponse(
            self._completions.parse(
                messages=messages,
                response_format=response_format,
                model=model,
                repair=repair,
                **options,
            )
        )


class RawImages:
    """Same as `AsyncRawImages`, but blocks."""

    def __init__(self, images: Any) -> None:
        """Users do not construct this class; the client does."""
        self._images = images

    def generate(
        self,
        prompt: str,
        *,
        size: str | None = None,
        model: str | None = None,
        **options: Unpack[RequestOptions],
    ) -> RawResponse[GeneratedImages]:
        """Same as `AsyncRawImages.generate`, but blocks."""
        return RawResponse(
            self._images.generate(prompt, size=size, model=model, **options)
        )

    def edit(
        self,
        prompt: str,
        *,
        images: Iterable[Image],
        guidance_scale: float | None = None,
        model: str | None = None,
        **options: Unpack[RequestOptions],
    ) -> RawResponse[GeneratedImages]:
        """Same as `AsyncRawImages.edit`, but blocks."""
        return RawResponse(
            self._images.edit(
                prompt,
                images=images,
                guidance_scale=guidance_scale,
                model=model,
                **options,
            )
        )


class StreamedCompletions:
    """Same as `AsyncStreamedCompletions`, but blocks."""

    def __init__(self, completions: Any) -> None:
        """Users do not construct this class; the client does."""
        self._completions = completions

    @overload
    def create(
        self,
        *,
        messages: Messages,
        model: str | None = None,
        stream: Literal[False] = False,
        **options: Unpack[ChatOptions],
    ) -> APIResponse[ChatCompletion]: ...

    @overload
    def create(
        self,
        *,
        messages: Messages,
        model: str | None = None,
        stream: Literal[True],
        **options: Unpack[ChatOptions],
    ) -> APIResponse[ChatStream]: ...

    @overload
    def create(
        self,
        *,
        messages: Messages,
        model: str | None = None,
        stream: bool,
        **options: Unpack[ChatOptions],
    ) -> APIResponse[Any]: ...

    def create(
        self,
        *,
        messages: Messages,
        model: str | None = None,
        stream: bool = False,
        **options: Unpack[ChatOptions],
    ) -> APIResponse[Any]:
        """Same as `AsyncStreamedCompletions.create`."""
        create = self._completions.create
        return APIResponse(
            partial(create, messages=messages, model=model, stream=stream, **options)
        )

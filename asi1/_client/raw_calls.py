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
from .api_response import AsyncAPIResponse
from .stream import AsyncChatStream


__all__ = ["AsyncRawCompletions", "AsyncRawImages", "AsyncStreamedCompletions"]


class AsyncRawCompletions:
    """``chat.completions.with_raw_response``: each method returns a `RawResponse`."""

    def __init__(self, completions: Any) -> None:
        """Users do not construct this class; the client does."""
        self._completions = completions

    @overload
    async def create(
        self,
        *,
        messages: Messages,
        model: str | None = None,
        stream: Literal[False] = False,
        **options: Unpack[ChatOptions],
    ) -> RawResponse[ChatCompletion]: ...

    @overload
    async def create(
        self,
        *,
        messages: Messages,
        model: str | None = None,
        stream: Literal[True],
        **options: Unpack[ChatOptions],
    ) -> RawResponse[AsyncChatStream]: ...

    @overload
    async def create(
        self,
        *,
        messages: Messages,
        model: str | None = None,
        stream: bool,
        **options: Unpack[ChatOptions],
    ) -> RawResponse[Any]: ...

    async def create(
        self,
        *,
        messages: Messages,
        model: str | None = None,
        stream: bool = False,
        **options: Unpack[ChatOptions],
    ) -> RawResponse[Any]:
        """Call `AsyncCompletions.create`; the result's ``parse()`` gives the answer."""
        return RawResponse(
            await self._completions.create(
                messages=messages, model=model, stream=stream, **options
            )
        )

    async def parse(
        self,
        *,
        messages: Messages,
        response_format: Any,
        model: str | None = None,
        repair: int = 0,
        **options: Unpack[ParseOptions],
    ) -> RawResponse[ParsedCompletion[Any]]:
        """Call `AsyncCompletions.parse`; the result's ``parse()`` gives the answer."""
        return RawResponse(
            await self._completions.parse(
                messages=messages,
                response_format=response_format,
                model=model,
                repair=repair,
                **options,
            )
        )


class AsyncRawImages:
    """``images.with_raw_response``: each method returns a `RawResponse`."""

    def __init__(self, images: Any) -> None:
        """Users do not construct this class; the client does."""
        self._images = images

    async def generate(
        self,
        prompt: str,
        *,
        size: str | None = None,
        model: str | None = None,
        **options: Unpack[RequestOptions],
    ) -> RawResponse[GeneratedImages]:
        """Call `AsyncImages.generate`; ``parse()`` of the result returns the images."""
        return RawResponse(
            await self._images.generate(prompt, size=size, model=model, **options)
        )

    async def edit(
        self,
        prompt: str,
        *,
        images: Iterable[Image],
        guidance_scale: float | None = None,
        model: str | None = None,
        **options: Unpack[RequestOptions],
    ) -> RawResponse[GeneratedImages]:
        """Call `AsyncImages.edit`; ``parse()`` of the result returns the images."""
        return RawResponse(
            await self._images.edit(
                prompt,
                images=images,
                guidance_scale=guidance_scale,
                model=model,
                **options,
            )
        )


class AsyncStreamedCompletions:
    """``with_streaming_response``: each method's result is for ``async with``."""

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
    ) -> AsyncAPIResponse[ChatCompletion]: ...

    @overload
    def create(
        self,
        *,
        messages: Messages,
        model: str | None = None,
        stream: Literal[True],
        **options: Unpack[ChatOptions],
    ) -> AsyncAPIResponse[AsyncChatStream]: ...

    @overload
    def create(
        self,
        *,
        messages: Messages,
        model: str | None = None,
        stream: bool,
        **options: Unpack[ChatOptions],
    ) -> AsyncAPIResponse[Any]: ...

    def create(
        self,
        *,
        messages: Messages,
        model: str | None = None,
        stream: bool = False,
        **options: Unpack[ChatOptions],
    ) -> AsyncAPIResponse[Any]:
        """Return a call of `AsyncCompletions.create` that begins in ``async with``."""
        create = self._completions.create
        return AsyncAPIResponse(
            partial(create, messages=messages, model=model, stream=stream, **options)
        )

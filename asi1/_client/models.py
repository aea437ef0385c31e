"""``client.models``: lists the known models, in the form of OpenAI's client."""

from __future__ import annotations

from collections.abc import AsyncIterator, Generator
from typing import Any, Self

from .._models.base_types import Hinted
from .._settings.model_list import KnownModel, known_model, known_models
from .lazy_engine import LazyEngine


__all__ = ["AsyncModelList", "AsyncModels"]


class AsyncModels(Hinted):
    """
    The known models: those in `MODELS`, and in the client's ``models=``.

    The server is not asked, since it has no list of models.
    """

    def __init__(self, lazy: LazyEngine) -> None:
        """Users do not construct this class; the client does."""
        self._config = lazy.config

    def list(self) -> AsyncModelList:
        """List all known models, without asking the server."""
        return AsyncModelList(known_models(self._config.models))

    async def retrieve(self, model: str) -> KnownModel:
        """
        Return the facts known about *model*, without asking the server.

        Raises:
            NotFoundError: The model is not known.
        """
        return known_model(self._config.models, model)


class AsyncModelList(Hinted):
    """
    The known models: iterate with ``async for``, or ``await`` it and read its `data`.

    Attributes:
        data: The models.
        object: "list".
    """

    def __init__(self, data: tuple[KnownModel, ...]) -> None:
        """Users do not construct this class; `AsyncModels.list` does."""
        self.data = data
        self.object = "list"

    def __await__(self) -> Generator[Any, None, Self]:
        yield from ()
        return self

    async def __aiter__(self) -> AsyncIterator[KnownModel]:
        for model in self.data:
            yield model

"""``client.models`` for blocking callers."""

from __future__ import annotations

from collections.abc import Iterator

from .._client.lazy_engine import LazyEngine
from .._models.base_types import Hinted
from .._settings.model_list import KnownModel, known_model, known_models


__all__ = ["ModelList", "Models"]


class Models(Hinted):
    """Same as `AsyncModels`, for blocking callers."""

    def __init__(self, lazy: LazyEngine) -> None:
        """Users do not construct this class; the client does."""
        self._config = lazy.config

    def list(self) -> ModelList:
        """Same as `AsyncModels.list`."""
        return ModelList(known_models(self._config.models))

    def retrieve(self, model: str) -> KnownModel:
        """Same as `AsyncModels.retrieve`, but blocks."""
        return known_model(self._config.models, model)


class ModelList(Hinted):
    """Same as `AsyncModelList`, for blocking callers."""

    def __init__(self, data: tuple[KnownModel, ...]) -> None:
        """Users do not construct this class; `Models.list` does."""
        self.data = data
        self.object = "list"

    def __iter__(self) -> Iterator[KnownModel]:
        return iter(self.data)

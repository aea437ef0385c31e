"""Turns the model table into a list of models in the form of OpenAI's client."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from .._models.base_types import Hinted
from .._models.status_errors import NotFoundError
from .models import MODELS, ModelInfo


__all__ = ["KnownModel", "known_model", "known_models"]


@frozen(kw_only=True)
class KnownModel(Hinted):
    """
    One model of the table that ``client.models`` reads.

    Attributes:
        id: The model's name, for ``model=`` of a call.
        info: The facts known about the model.
        created: Always None, since ASI-1 publishes no time.
        object: Always "model".
        owned_by: Always "asi1".
    """

    id: str
    info: ModelInfo
    created: int | None = None
    object: str = "model"
    owned_by: str = "asi1"


def known_models(own: Mapping[str, ModelInfo]) -> tuple[KnownModel, ...]:
    """Return all models in `MODELS` and in *own*, which overrides `MODELS`."""
    table = {**MODELS, **own}
    return tuple(KnownModel(id=name, info=info) for name, info in table.items())


def known_model(own: Mapping[str, ModelInfo], name: str) -> KnownModel:
    """
    Return the model *name* from the same tables as `known_models`.

    Raises:
        NotFoundError: The tables have no such model; the server was not asked.
    """
    for model in known_models(own):
        if model.id == name:
            return model
    raise NotFoundError(
        f"asi1.MODELS has no model {name!r:.200}; the server was not asked, since it"
        " has no list of models: call the model, or add it by models= of the client",
        status_code=404,
        code="model_not_found",
        param="model",
    )

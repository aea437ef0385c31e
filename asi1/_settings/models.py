"""
The facts known about each model: context, output limit, image input, prices.

The table has a date, since these facts change; a client's ``models=`` overrides it.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from attrs import field, frozen

from .._models.base_types import public
from .._models.price_table import FIGURES, PUBLISHED
from .validators import (
    flag,
    number,
    or_none,
    setting,
    string,
    table_of,
    whole_number,
)


__all__ = ["MODELS", "ModelInfo", "read_models"]


@public
@frozen(kw_only=True)
class ModelInfo:
    """
    The facts known about one model. None means unknown.

    Attributes:
        context: Size of the context window in tokens: prompt and answer together.
        output: The most tokens of an answer, its thoughts included. A context policy
            without a budget leaves room for this many tokens, but at most for a quarter
            of *context*, if a call has no ``max_tokens``.
        images: Whether messages may contain images.
        input_price: US dollars for a million prompt tokens.
        output_price: US dollars for a million completion tokens.
        as_of: When these facts were published, such as "2026-10".

    Raises:
        ConfigurationError: A value has a wrong type, or is out of range.
    """

    context: int = field(validator=setting(whole_number(1), "models"))
    output: int | None = field(
        default=None, validator=setting(or_none(whole_number(1)), "models")
    )
    images: bool | None = field(
        default=None, validator=setting(or_none(flag), "models")
    )
    input_price: float | None = field(
        default=None, validator=setting(or_none(number(0)), "models")
    )
    output_price: float | None = field(
        default=None, validator=setting(or_none(number(0)), "models")
    )
    as_of: str | None = field(
        default=None, validator=setting(or_none(string), "models")
    )


def _current(name: str, *, images: bool | None) -> ModelInfo:
    input_price, output_price = map(float, FIGURES[name])
    # ASI-1's pages contradict each other on the sizes of these models. So the smallest
    # context and the smallest output are used, which are the same for all these models.
    return ModelInfo(
        context=196_000,
        output=40_000,
        images=images,
        input_price=input_price,
        output_price=output_price,
        as_of=PUBLISHED,
    )


def _earlier(context: int) -> ModelInfo:
    return ModelInfo(context=context, as_of="2025-12")


# Source: https://docs.asi1.ai/documentation/getting-started/model-selection
MODELS: Mapping[str, ModelInfo] = MappingProxyType(
    {
        "asi1": _current("asi1", images=True),
        "asi1-ultra": _current("asi1-ultra", images=False),
        "asi1-mini": _current("asi1-mini", images=None),
        "asi1-fast": _earlier(24_000),
        "asi1-extended": _earlier(64_000),
        "asi1-graph": _earlier(64_000),
        "asi1-agentic": _earlier(64_000),
        "asi1-fast-agentic": _earlier(64_000),
        "asi1-extended-agentic": _earlier(64_000),
    }
)


def read_models(value: object) -> dict[str, ModelInfo]:
    """
    Return *value* as a table of models.

    Raises:
        ConfigurationError: *value* is not a mapping of names to `ModelInfo`.
    """
    return table_of("models", value, ModelInfo)

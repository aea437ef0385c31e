"""
Reads the settings that most clients leave out.

Each setting needs modules of its own, which are imported only if it is given.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeAlias

from .._fork_lock import run_apart_once
from .._models.errors import ConfigurationError
from .config import check_headers, read_query


__all__ = ["read_optional"]

_Reader: TypeAlias = Callable[[Any], Any]


@run_apart_once
def _budget() -> _Reader:
    from .budget import check_budget  # noqa: PLC0415 - rarely used

    return check_budget


@run_apart_once
def _models() -> _Reader:
    from .models import read_models  # noqa: PLC0415 - rarely used

    return read_models


@run_apart_once
def _options() -> _Reader:
    from .option_checks import read_default_options  # noqa: PLC0415 - rarely used

    return read_default_options


@run_apart_once
def _prices() -> _Reader:
    from .prices import read_prices  # noqa: PLC0415 - rarely used

    return read_prices


@run_apart_once
def _rate_limit() -> _Reader:
    from .rate_limit import check_limiter  # noqa: PLC0415 - rarely used

    return check_limiter


@run_apart_once
def _hooks() -> _Reader:
    from .hooks import read_hooks  # noqa: PLC0415 - rarely used

    return read_hooks


@run_apart_once
def _tags() -> _Reader:
    from .hooks import read_tags  # noqa: PLC0415 - rarely used

    return read_tags


def _default_headers(value: Any) -> dict[str, str]:
    headers = check_headers(value, "default_headers")
    if "idempotency-key" in headers:
        raise ConfigurationError(
            "default_headers: must not have 'idempotency-key', since each call needs"
            ' its own key; use default_options={"idempotency_key": "auto"}'
        )
    return headers


_READERS: Mapping[str, Callable[[], _Reader]] = {
    "headers": lambda: _default_headers,
    "query": lambda: partial(read_query, source="default_query"),
    "budget": _budget,
    "hooks": _hooks,
    "models": _models,
    "options": _options,
    "prices": _prices,
    "rate_limit": _rate_limit,
    "tags": _tags,
}


def read_optional(given: Mapping[str, Any]) -> dict[str, Any]:
    """
    Check and convert the settings in *given*, of which none may be None; return them.

    Raises:
        ConfigurationError: A value is wrong; the message names the setting.
        ExitingError: Python is exiting.
    """
    return {name: _READERS[name]()(value) for name, value in given.items()}

"""Creates the settings and the engine of a client from `with_options`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import attrs

from .._call.engine import Engine
from .._models.base_types import DEFAULT
from .._settings.config import ClientConfig, read_model
from .._settings.retry import read_retry
from .._settings.timeouts import Timeouts
from .._settings.validators import not_given
from .lazy_engine import read_key, read_settings, read_tables


__all__ = ["child_engine"]


def child_engine(
    config: ClientConfig,
    engine: Callable[[], Engine],
    *,
    api_key: Any,
    tables: Sequence[Any],
    **given: Any,
) -> Engine:
    """
    Return an engine that uses a client's connections, with some settings changed.

    Args:
        config: The settings of the client.
        engine: Returns the engine of the client.
        api_key: The new key; None for that of the client.
        tables: The settings that are added to those of the client, as arguments of
            `read_tables`.
        **given: The other arguments of `with_options`.

    Raises:
        ConfigurationError: A setting is wrong.
        ClientClosedError: The client is closed.
    """
    changes: dict[str, Any] = {}
    if api_key is not None:
        changes["api_key"] = read_key(api_key, {})
    if given["model"] is not None:
        changes["model"] = read_model(given["model"])
    timeout = given["timeout"]
    if timeout is not DEFAULT and (timeout is None or not not_given(timeout)):
        changes["timeouts"] = Timeouts.of(timeout)
    retry = given["retry"]
    if given["max_retries"] is not None:
        attempts = read_retry(given["max_retries"], retry).attempts
        changes["retry"] = attrs.evolve(config.retry, attempts=attempts)
    elif retry is not None:
        changes["retry"] = retry
    for name, added in read_tables(tables).items():
        changes[name] = {**getattr(config, name), **added}
    limits = read_settings(budget=given["budget"], hooks=given["hooks"])
    changed = attrs.evolve(config, **changes)
    return engine().child(changed, limits.get("budget"), limits.get("hooks", ()))

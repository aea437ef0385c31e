"""
Chat calls for the rows of a data set, on many machines: with Ray Data, Dask or Spark.

    limiter = RedisLimiter("redis://head:6379/0", RateLimit(requests_per_minute=600))
    rows = ray.data.read_parquet("prompts/").map_batches(
        Chat,
        fn_constructor_args=({"model": "asi1-mini"},),
        fn_constructor_kwargs={"limiter": limiter},
        concurrency=2,
    )

The module imports neither Ray nor numpy: `Chat` takes and returns plain batches.
"""

from __future__ import annotations

import math
import sys

from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Lock
from typing import Any

from .. import ASI1, ArgumentError, Limiter, RateLimit
from .._settings.validators import whole_number, wrong


__all__ = ["Chat"]

# The columns of the result, with their values in a row that failed. Each column has one
# type, so that all batches of a data set have the same schema.
_EMPTY: dict[str, Any] = {
    "text": "",
    "thoughts": "",
    "finish_reason": "",
    "prompt_tokens": 0,
    "completion_tokens": 0,
    "total_tokens": 0,
    "cost": math.nan,
    "attempts": 0,
    "error": "",
    "error_type": "",
}

_NO_CONFIG = (
    "must be a dict of ASI1's arguments, such as {'model': 'asi1-mini'}, from which"
    " each worker makes a client of its own"
)


class Chat:
    """
    A callable that answers the rows of a batch, for ``map_batches(Chat, ...)``.

    A batch is a dict of columns (lists or numpy arrays), a pandas DataFrame or a
    pyarrow Table; the result has the same type. Input columns, which are kept:

    - ``messages``, or else ``prompt``: as ``messages`` of `Completions.create`.
    - ``options``, which may be left out: a dict of more arguments of this row's call.

    Output columns: ``text``, ``thoughts``, ``finish_reason``, ``prompt_tokens``,
    ``completion_tokens``, ``total_tokens``, ``cost`` (dollars; NaN if unknown),
    ``attempts``, ``error`` (the message; "" without an error) and ``error_type`` (the
    name of its class). A row that fails raises no exception.

    A row that already has a ``text`` and no ``error`` is not changed: so if an output
    is used as the input of another run, only its failed rows are sent again.
    """

    def __init__(
        self,
        config: Mapping[str, Any] | None = None,
        *,
        limiter: Limiter | RateLimit | None = None,
        concurrency: int = 16,
        key: str = "id",
        done: Collection[Any] = (),
    ) -> None:
        """
        Store the configuration. The client is made for the first batch, in the process
        that calls this object.

        Args:
            config: Arguments of `ASI1`, such as ``{"model": "asi1-mini"}``.
            limiter: The rate limit: a `RedisLimiter` limits all workers together, a
                `RateLimit` each worker alone.
            concurrency: Maximum number of calls at once, in each worker.
            key: The name of the column with the rows' keys, for *done*.
            done: Keys of rows that are left out of the result, since they were answered
                before.

        Raises:
            ArgumentError: An argument is wrong; for example *config* is a client.
        """
        if config is not None and not isinstance(config, Mapping):
            raise wrong("config", _NO_CONFIG, config)
        self.config: dict[str, Any] = dict(config or {})
        if limiter is not None and "rate_limit" in self.config:
            message = "limiter: config already has a rate_limit"
            raise ArgumentError(message, argument="limiter")
        if limiter is not None:
            self.config["rate_limit"] = limiter
        if problem := whole_number(1)(concurrency):
            raise wrong("concurrency", problem, concurrency)
        if not isinstance(key, str):
            raise wrong("key", "must be a str", key)
        if isinstance(done, str) or not isinstance(done, Iterable):
            raise wrong("done", "must be a collection of keys", done)
        self.concurrency: int = concurrency
        self.key: str = key
        self.done: frozenset[Any] = frozenset(done)
        self._client: ASI1 | None = None
        self._making = Lock()

    def __getstate__(self) -> dict[str, Any]:
        unshared = {"_client", "_making"}
        return {k: v for k, v in self.__dict__.items() if k not in unshared}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._client, self._making = None, Lock()

    def __call__(self, batch: Any) -> Any:
        """
        Return *batch* with the columns of the answers.

        Raises:
            ArgumentError: *batch* has neither a column ``messages`` nor ``prompt``.
            ConfigurationError: A value in the configuration is wrong.
            TypeError: `ASI1` has no argument of a name in the configuration.
        """
        columns = _columns(batch)
        rows: list[Any] = list(zip(*columns.values(), strict=True))
        rows = [dict(zip(columns, row, strict=True)) for row in rows]
        if not {"messages", "prompt"} & set(columns):
            message = "batch: has no column 'messages' or 'prompt'"
            raise ArgumentError(message, argument="batch")
        if self.done:
            rows = [row for row in rows if _plain(row.get(self.key)) not in self.done]
        answer = partial(self._answer, self._shared_client())
        with ThreadPoolExecutor(self.concurrency, "asi1-rows") as threads:
            answers = list(threads.map(answer, rows))
        kept = {name: [row[name] for row in rows] for name in columns}
        new = {name: [each[name] for each in answers] for name in _EMPTY}
        return _like(batch, {**kept, **new})

    def _shared_client(self) -> ASI1:
        with self._making:
            if self._client is None:
                self._client = ASI1(**self.config)
            return self._client

    def _answer(self, client: ASI1, row: Mapping[str, Any]) -> dict[str, Any]:
        if isinstance(row.get("text"), str) and not _given(row.get("error")):
            return {name: row.get(name, empty) for name, empty in _EMPTY.items()}
        try:
            messages = _given(row.get("messages"))
            options = _given(row.get("options")) or {}
            answer = client.chat.completions.create(
                messages=messages or _plain(row.get("prompt")), **options
            )
        except Exception as error:  # noqa: BLE001 - the error is a value of the row
            info = getattr(error, "response", None)
            return {
                **_EMPTY,
                "attempts": len(getattr(info, "attempts", ())),
                "error": str(error) or type(error).__name__,
                "error_type": type(error).__name__,
            }
        usage, cost = answer.usage, answer.cost
        return {
            **_EMPTY,
            "text": answer.text,
            "thoughts": answer.thoughts,
            "finish_reason": answer.finish_reason or "",
            "prompt_tokens": usage.prompt_tokens if usage else 0,
            "completion_tokens": usage.completion_tokens if usage else 0,
            "total_tokens": usage.total_tokens if usage else 0,
            "cost": math.nan if cost is None else float(cost),
            "attempts": len(answer.response.attempts),
        }


def _columns(batch: Any) -> dict[str, list[Any]]:
    """Return the columns of *batch* as lists, whose values may be numpy's."""
    if hasattr(batch, "to_pydict"):  # *batch* is a pyarrow Table
        columns: dict[str, list[Any]] = batch.to_pydict()
        return columns
    if isinstance(batch, Mapping):
        return {name: list(column) for name, column in batch.items()}
    return {name: list(batch[name]) for name in batch.columns}


def _plain(value: Any) -> Any:
    """Return *value* as Python's lists, dicts and numbers; leave out keys with None."""
    if hasattr(value, "tolist"):  # *value* is a numpy array or number
        value = value.tolist()
    if isinstance(value, Mapping):
        # In Arrow, all dicts of a column have the same keys; missing values are None.
        return {k: _plain(v) for k, v in value.items() if v is not None}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value


def _given(value: Any) -> Any:
    """Return *value* as plain data; None for NaN, by which pandas means "missing"."""
    value = _plain(value)
    return None if isinstance(value, float) and math.isnan(value) else value


def _like(batch: Any, columns: dict[str, list[Any]]) -> Any:
    """Return *columns* as a batch of the same type as *batch*."""
    if hasattr(batch, "to_pydict"):
        return type(batch).from_pydict(columns)
    if not isinstance(batch, Mapping):
        return type(batch)(columns)
    numpy = sys.modules.get("numpy")
    if numpy is None or not any(isinstance(c, numpy.ndarray) for c in batch.values()):
        return columns
    arrays = {}
    for name, values in columns.items():
        kind = type(_EMPTY.get(name))
        if name in _EMPTY:
            dtype = object if kind is str else kind
        else:
            dtype = getattr(batch[name], "dtype", object)
        arrays[name] = numpy.array(values, dtype=dtype)
        if dtype is object or arrays[name].ndim != 1:
            arrays[name] = numpy.empty(len(values), dtype=object)
            arrays[name][:] = values
    return arrays

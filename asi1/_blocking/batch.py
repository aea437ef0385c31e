"""`asi1.batch`: a batch that needs no client."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from os import PathLike

from .._models.base_types import JSON, public
from .._models.errors import ArgumentError
from .._protocol.batch.summary import BatchSummary
from .._settings.budget import Budget
from .._settings.rate_limit import Limiter, RateLimit
from .client import ASI1


__all__ = ["RETRIES", "batch"]

# Retries of a call if the caller passes no client. More than a client's default, since
# a batch has time, and a request that fails is not sent again before the next run.
RETRIES = 5


@public
def batch(  # noqa: PLR0913 - as the methods
    input: str | PathLike[str] | Iterable[str | bytes | Mapping[str, JSON]],  # noqa: A002
    output: str | PathLike[str],
    *,
    client: ASI1 | None = None,
    concurrency: int = 8,
    rate_limit: RateLimit | Limiter | None = None,
    budget: Budget | None = None,
    model: str | None = None,
    retry_failed: bool = False,
    progress: Callable[[BatchSummary], object] | object = None,
) -> BatchSummary:
    """
    Send all requests of a file, and append the answers to another; goes on where an
    earlier run has stopped.

    Same as `ASI1.batch`, but needs no client.

    Args:
        input: As for `AsyncASI1.batch`.
        output: As for `AsyncASI1.batch`.
        client: Makes the calls. If left out, a new client with the settings from the
            environment, which retries a call 5 times; it is closed at the end.
        concurrency: As for `AsyncASI1.batch`.
        rate_limit: As for `AsyncASI1.batch`.
        budget: As for `AsyncASI1.batch`.
        model: As for `AsyncASI1.batch`.
        retry_failed: As for `AsyncASI1.batch`.
        progress: As for `AsyncASI1.batch`.

    Raises:
        KeyboardInterrupt: The program was interrupted. The running calls were
            cancelled, and the answers that had arrived are written.
        ArgumentError: *client* is not an `ASI1`; and as for `AsyncASI1.batch`.
        ASI1Error: As for `AsyncASI1.batch`.
        OSError: As for `AsyncASI1.batch`.
    """
    if not isinstance(client, ASI1 | None):
        raise ArgumentError(
            f"client: must be an ASI1, not {type(client).__name__}; with an AsyncASI1,"
            " use await client.batch(...)",
            argument="client",
        )
    own = client if client is not None else ASI1(max_retries=RETRIES)
    try:
        return own.batch(
            input,
            output,
            concurrency=concurrency,
            rate_limit=rate_limit,
            budget=budget,
            model=model,
            retry_failed=retry_failed,
            progress=progress,
        )
    finally:
        if client is None:
            own.close()

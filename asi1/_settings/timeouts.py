"""
How long each part of a call may take, in seconds; this module reads no clock.

A number instead of a `Timeouts` is the total timeout, and the only one: for the
connection, all attempts, the waits between them, and the stream.
"""

from __future__ import annotations

import math

from typing import Any, NamedTuple, TypeAlias

from attrs import field, frozen

from .._models.base_types import DEFAULT, Default, HTTPXTimeout, fields_repr, public
from .._models.errors import ConfigurationError
from .validators import is_number, not_given, shown


__all__ = ["Deadline", "Timeout", "Timeouts"]

_TOTAL_WITHOUT_STREAM = 600.0


def _limit(name: str, value: object) -> None:
    if not is_number(value) or value <= 0:
        raise ConfigurationError(
            f"timeout: {name} must be a number of seconds above 0, or None for no"
            f" limit, not {shown(value)}"
        )


def _checked(_: object, attribute: Any, value: object) -> None:
    unset = value is DEFAULT and attribute.default is DEFAULT
    if value is not None and not unset:
        _limit(attribute.name, value)


class Deadline(NamedTuple):
    """
    The moment at which a call times out, and the name of the timeout that passes then.

    Attributes:
        at: The moment, on the caller's clock; may be infinite.
        phase: "first_token", "idle" or "total".
    """

    at: float
    phase: str


@public
@frozen(kw_only=True)
class Timeouts:
    """
    How long each part of a call may take, in seconds; None for no limit.

    Attributes:
        total: The complete call: queueing, every attempt, the waits between them, the
            stream. By default 600 without streaming, no limit for streams.
        connect: Opening a connection.
        write: How long the network may accept no byte of the request; starts anew with
            each part that was sent. Your own ``http_client`` or ``transport`` may count
            the request as one part, as httpx's do.
        pool: Waiting for a free connection.
        first_token: From the start of an attempt to the first part of a streamed
            answer, or to the headers of a reply without streaming. The wait for a
            connection counts too. The timeout starts anew with each attempt.
        idle: Between two parts of a streamed answer; comments, pings and chunks that
            add nothing to the answer are not parts of it. Without streaming, from the
            headers of a reply to the first bytes of its body, and between two fragments
            of the body.

    Raises:
        ConfigurationError: A value is not a number above 0.
    """

    total: float | Default | None = field(default=DEFAULT, validator=_checked)
    connect: float | None = field(default=5.0, validator=_checked)
    write: float | None = field(default=10.0, validator=_checked)
    pool: float | None = field(default=30.0, validator=_checked)
    first_token: float | None = field(default=120.0, validator=_checked)
    idle: float | None = field(default=60.0, validator=_checked)

    __repr__ = fields_repr

    @classmethod
    def of(cls, value: object) -> Timeouts:
        """
        Return the timeouts that a ``timeout=`` argument stands for.

        Args:
            value: A `Timeouts`; a number of seconds, which is the total timeout and
                the only one; None for no timeout at all; `DEFAULT` for the defaults; or
                an ``httpx.Timeout``. Its ``read`` becomes `first_token` and `idle`; the
                total timeout is the default, even if all of its timeouts are None.

        Raises:
            ConfigurationError: *value* is of another type, or a timeout is not above 0.
        """
        if isinstance(value, Timeouts):
            return value
        if value is DEFAULT:
            return cls()
        if value is None:
            return cls._only(None)
        if not_given(value):
            return cls()
        if all(hasattr(value, name) for name in ("connect", "read", "write", "pool")):
            return cls(
                connect=value.connect,  # type: ignore[attr-defined]
                write=value.write,  # type: ignore[attr-defined]
                pool=value.pool,  # type: ignore[attr-defined]
                first_token=value.read,  # type: ignore[attr-defined]
                idle=value.read,  # type: ignore[attr-defined]
            )
        _limit("the value", value)
        total: Any = value
        return cls._only(float(total))

    @classmethod
    def _only(cls, total: float | None) -> Timeouts:
        """Return timeouts without any limit but *total*."""
        return cls(
            total=total,
            connect=None,
            write=None,
            pool=None,
            first_token=None,
            idle=None,
        )

    def total_for(self, *, stream: bool) -> float | None:
        """Return the total timeout of a call, in seconds; None if it has none."""
        if self.total is DEFAULT:
            return None if stream else _TOTAL_WITHOUT_STREAM
        return self.total

    def explain(self, phase: str, *, stream: bool) -> str:
        """Return a sentence that says which timeout passed."""
        match phase:
            case "first_token":
                return f"the first token did not come within {self.first_token:g} s"
            case "idle":
                return f"nothing more came for {self.idle:g} s"
            case _:
                total = self.total_for(stream=stream)
                return f"the whole call took longer than {total:g} s"

    def deadline(
        self, phase: str, *, began: float, now: float, stream: bool
    ) -> Deadline:
        """
        Return the deadline of a phase that begins *now* in a call that *began* earlier.

        This is the earlier of the end of the phase's timeout and the end of the total
        timeout. All times are on one clock.
        """
        total = self.total_for(stream=stream)
        end = math.inf if total is None else began + total
        limit = None
        if phase == "idle":
            limit = self.idle
        elif phase == "first_token":
            limit = self.first_token
        if limit is None or now + limit >= end:
            return Deadline(end, "total")
        return Deadline(now + limit, phase)


# The type of the argument ``timeout=`` of a client or a call.
Timeout: TypeAlias = float | Timeouts | HTTPXTimeout | None

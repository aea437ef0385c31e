"""
Floor 4. The way to a server on asyncio: its addresses, and the race between them.

It ends with one connection or none: what is not handed out is closed.
"""

from __future__ import annotations

import asyncio
import ipaddress
import itertools
import socket

from collections.abc import Callable
from contextlib import suppress
from typing import Generic, TypeVar

import anyio

from attrs import define, field

from ._flag import Flag


__all__ = ["Contestant", "Race", "addresses"]

# Seconds after which a second address is tried beside the first.
_HEAD_START = 0.25


class Contestant(asyncio.BaseProtocol):
    """A connection that may be made in vain."""

    def abort(self) -> None:
        """Close it, in the event loop's next step."""
        raise NotImplementedError


_S = TypeVar("_S", bound=Contestant)


async def addresses(host: str, port: int) -> list[tuple[str, int]]:
    """
    Return where the server is, the kinds of addresses by turns.

    Raises:
        OSError, UnicodeError: Nobody knows; no name can be like this one.
    """
    with suppress(ValueError):
        return [(str(ipaddress.ip_address(host)), port)]  # and nobody needs to be asked
    loop, kinds = asyncio.get_running_loop(), dict[int, list[tuple[str, int]]]()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    for kind, _, _, _, (address, *_) in found:
        kinds.setdefault(kind, []).append((str(address), port))
    turns = itertools.zip_longest(*kinds.values())
    if not kinds:
        raise OSError(f"{host} has no address")
    return [address for turn in turns for address in turn if address is not None]


@define
class Race(Generic[_S]):
    """
    Addresses of one server, tried one after the other, and soon side by side.

    Each connection is one that *make* returns.
    """

    make: Callable[[], _S]
    _won: _S | None = field(default=None, init=False)
    _errors: list[OSError | OverflowError] = field(factory=list, init=False)

    async def run(self, places: list[tuple[str, int]]) -> _S:
        """
        Return the first connection that is made.

        Raises:
            OSError, OverflowError: None is; what the last of them failed with.
        """
        try:
            async with anyio.create_task_group() as tasks:
                for address in places:
                    failed = Flag()
                    tasks.start_soon(self._try, address, failed, tasks.cancel_scope)
                    with anyio.move_on_after(_HEAD_START):
                        await failed.wait()
        except BaseException:
            if self._won is not None:
                self._won.abort()
            raise
        if self._won is None:
            raise self._reason()
        return self._won

    def _reason(self) -> OSError | OverflowError:
        if self._errors:
            return self._errors.pop()
        return OSError("the task that connects was cancelled by others")

    async def _try(
        self, address: tuple[str, int], failed: Flag, others: anyio.CancelScope
    ) -> None:
        loop = asyncio.get_running_loop()
        try:
            _, made = await loop.create_connection(self.make, *address)
        except (OSError, OverflowError) as error:  # a port beyond all ports
            self._errors.append(error)
            failed.set()
            return
        if self._won is None:
            self._won = made
            others.cancel()
        else:  # two at the same moment
            made.abort()

"""
Floor 4. The only room that knows httpx: a request out, a reply in, errors translated.

Connections are spread over small pools, since httpx slows down with the number in one.
Pools belong to one event loop of one process and are never touched from another; they
close when their loop does. No cookie is kept, and no redirect followed.
"""

from __future__ import annotations

import os
import ssl

from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import aclosing, contextmanager, suppress
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, TypeAlias, cast
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

import anyio
import anyio.lowlevel
import anyio.to_thread
import httpx

from attrs import define, field

from ._config import ClientConfig, is_loopback
from ._decoding import decoded
from ._errors import (
    APIConnectionError,
    APIResponseError,
    APITimeoutError,
    ConfigurationError,
)
from ._request import Request
from ._secret import Secret


__all__ = ["HTTPClient", "HTTPTransport", "Reply", "Transport"]

# The two types of httpx that users meet: what ``http_client=`` and ``transport=`` take.
HTTPClient: TypeAlias = httpx.AsyncClient
HTTPTransport: TypeAlias = httpx.AsyncBaseTransport

# Connections of one httpx pool. Its cost for each request grows with this number.
_POOL_SIZE = 16
_PHASES = {
    httpx.ConnectTimeout: "connect",
    httpx.PoolTimeout: "pool",
    httpx.WriteTimeout: "write",
    httpx.ReadTimeout: "idle",
}
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_LOST = (httpx.NetworkError, anyio.BrokenResourceError, anyio.ClosedResourceError)
_FOREIGN = (
    httpx.HTTPError,
    httpx.InvalidURL,
    httpx.StreamError,
    OSError,
    anyio.BrokenResourceError,
    anyio.ClosedResourceError,
    anyio.EndOfStream,
)

# Pools inherited over a fork. Kept, so that their sockets are not closed from here.
_inherited: list[object] = []
_ssl_contexts: dict[tuple[str | None, ...], ssl.SSLContext] = {}


@contextmanager
def _translated(host: str) -> Iterator[None]:
    """Turn what httpx and the network raise into our errors, around our own reads."""
    try:
        yield
    except _FOREIGN as foreign:
        _forget_frames(foreign)
        raise _translate(foreign, host) from foreign


def _forget_frames(error: BaseException | None) -> None:
    # The frames below hold the request's headers, and with them the key.
    while error is not None:
        error.__traceback__ = None
        error = error.__cause__ or error.__context__


def _translate(foreign: Exception, host: str) -> APIConnectionError | APIResponseError:
    reason = f"{foreign}" or type(foreign).__name__
    if isinstance(foreign, httpx.TimeoutException):
        phase = _PHASES.get(type(foreign), "idle")
        return APITimeoutError(
            f"{host}: timed out ({phase})",
            phase=phase,
            sent=not isinstance(foreign, _NOT_SENT),
        )
    if isinstance(foreign, httpx.DecodingError):
        return APIResponseError(f"{host}: the reply cannot be decoded ({reason})")
    certificate = _tls_reason(foreign)
    if certificate:
        return APIConnectionError(
            f"{host}: no secure connection ({certificate})", sent=False, retryable=False
        )
    silent = isinstance(foreign, httpx.RemoteProtocolError) and (
        "without sending a response" in reason
    )
    lost = silent or isinstance(foreign, (*_LOST, OSError))
    what = "the connection broke" if lost else "the connection failed"
    if isinstance(foreign, httpx.ConnectError):
        what = "could not connect"
    return APIConnectionError(
        f"{host}: {what} ({reason})",
        sent=not isinstance(foreign, _NOT_SENT),
        retryable=lost or isinstance(foreign, httpx.ConnectError),
    )


def _tls_reason(error: BaseException | None) -> str | None:
    while error is not None:
        if isinstance(error, ssl.SSLError):
            return getattr(error, "verify_message", None) or str(error)
        error = error.__cause__ or error.__context__
    return None


@define
class Reply:
    """
    An open reply. Who got it closes it.

    Attributes:
        headers: Names in lowercase; of repeated ones, all values joined by commas.
    """

    status: int
    headers: Mapping[str, str]
    _host: str
    _response: httpx.Response = field(repr=False)
    _slot: _Slot = field(repr=False)

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        """
        Yield the body as it comes, decompressed.

        Raises:
            APIConnectionError: The connection broke.
            APIResponseError: The body is not encoded as it says.
        """
        encoding = self.headers.get("content-encoding", "")
        with _translated(self._host):
            async with (
                aclosing(_raw(self._response)) as raw,
                aclosing(decoded(raw, encoding)) as pieces,
            ):
                async for piece in pieces:
                    yield piece

    async def aclose(self) -> None:
        """Give the connection back, or close it if the body was not read to its end."""
        try:
            with suppress(*_FOREIGN):
                await self._response.aclose()
        finally:
            self._slot.release()


def _raw(response: httpx.Response) -> AsyncGenerator[bytes, None]:
    # httpx declares less than it gives.
    return cast("AsyncGenerator[bytes, None]", response.aiter_raw())


@define
class _Pool:
    """One small httpx client, and how many requests are on it."""

    client: httpx.AsyncClient
    busy: int = 0


@define
class _Slot:
    """The place of one request, given back once."""

    pool: _Pool
    places: anyio.Semaphore
    taken: bool = True

    def release(self) -> None:
        if self.taken:
            self.taken = False
            self.pool.busy -= 1
            self.places.release()


@define
class _LoopPools:
    """The pools of one event loop."""

    pid: int
    places: anyio.Semaphore
    pools: list[_Pool] = field(factory=list)
    keeper: AsyncGenerator[None, None] | None = None

    async def aclose(self) -> None:
        pools, self.pools = self.pools, []
        for pool in pools:
            with suppress(*_FOREIGN):
                await pool.client.aclose()


@define(eq=False)
class Transport:
    """
    Sends the requests of one client and of its children.

    Args:
        http_client: The user's own; used as it is, and never closed.
        transport: The user's own, for every pool; never closed either.
    """

    config: ClientConfig
    http_client: httpx.AsyncClient | None = None
    transport: httpx.AsyncBaseTransport | None = None
    _by_loop: WeakKeyDictionary[Any, _LoopPools] = field(
        factory=WeakKeyDictionary, init=False
    )

    async def send(
        self, request: Request, key: Secret, extra: Mapping[str, str]
    ) -> Reply:
        """
        Send *request* once and return its reply as soon as the headers are there.

        Args:
            request: Without the key.
            key: Added as the Authorization header, unless the caller set one.
            extra: Headers of this try.

        Raises:
            APIConnectionError: No reply came.
            ConfigurationError: A proxy or CA file of the environment is unusable.
        """
        host = urlsplit(request.url).netloc
        slot = await self._slot(request.timeouts.pool, host)
        try:
            with _translated(host):
                response = await slot.pool.client.send(
                    self._prepare(slot.pool.client, request, key, extra),
                    stream=True,
                    follow_redirects=False,
                )
        except BaseException:
            slot.release()
            raise
        headers = {name.lower(): key.redact(v) for name, v in response.headers.items()}
        return Reply(response.status_code, headers, host, response, slot)

    def _prepare(
        self,
        client: httpx.AsyncClient,
        request: Request,
        key: Secret,
        extra: Mapping[str, str],
    ) -> httpx.Request:
        # In a function of its own, so that no frame an error passes holds the header.
        limits = request.timeouts
        return client.build_request(
            request.method,
            request.url,
            content=request.body,
            headers={
                "authorization": f"Bearer {key.reveal()}",
                **request.headers,
                **extra,
            },
            extensions={
                "timeout": {
                    "connect": limits.connect,
                    "write": limits.write,
                    "pool": limits.pool,
                    "read": None,
                }
            },
        )

    async def _slot(self, patience: float | None, host: str) -> _Slot:
        pools = await self._pools()
        with anyio.move_on_after(patience) as waiting:
            await pools.places.acquire()
        if waiting.cancelled_caught:
            raise APITimeoutError(
                f"{host}: no free connection within {patience:g} s; all"
                f" {self.config.limits.max_connections} are in use"
                " (Limits.max_connections)",
                phase="pool",
                sent=False,
            )
        try:
            pool = min(pools.pools, key=lambda pool: pool.busy, default=None)
            if pool is None or (pool.busy >= _POOL_SIZE and not self.http_client):
                pool = _Pool(await self._client())
                pools.pools.append(pool)
        except BaseException:
            pools.places.release()
            raise
        pool.busy += 1
        return _Slot(pool, pools.places)

    async def _pools(self) -> _LoopPools:
        token = anyio.lowlevel.current_token().native_token
        found = self._by_loop.get(token)
        if found is not None and found.pid == os.getpid():
            return found
        _inherited.extend(p for p in self._by_loop.values() if p.pid != os.getpid())
        alive = {t: p for t, p in self._by_loop.items() if p.pid == os.getpid()}
        self._by_loop = WeakKeyDictionary(alive)
        pools = _LoopPools(
            os.getpid(), anyio.Semaphore(self.config.limits.max_connections)
        )
        pools.keeper = self._keeper(token, pools)
        self._by_loop[token] = pools
        await anext(pools.keeper)
        return pools

    async def _keeper(
        self, token: Any, pools: _LoopPools
    ) -> AsyncGenerator[None, None]:
        # An event loop that ends closes the async generators begun in it. This one
        # waits for that, and closes the pools while their loop still runs.
        try:
            yield
        finally:
            self._by_loop.pop(token, None)
            with anyio.CancelScope(shield=True):
                await pools.aclose()

    async def _client(self) -> httpx.AsyncClient:
        if self.http_client is not None:
            return self.http_client
        url = urlsplit(self.config.base_url)
        trust_env = self.config.trust_env and not is_loopback(url.hostname or "")
        secure = url.scheme == "https" and self.transport is None
        try:
            return httpx.AsyncClient(
                verify=(
                    await _ssl_context(trust_env=trust_env)
                    if secure
                    else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # trusts nobody
                ),
                transport=self.transport and _Lent(self.transport),
                trust_env=trust_env,
                limits=httpx.Limits(
                    max_connections=_POOL_SIZE,
                    max_keepalive_connections=_POOL_SIZE,
                    keepalive_expiry=self.config.limits.keepalive_expiry,
                ),
                cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            )
        except (ValueError, ImportError, httpx.InvalidURL) as error:
            raise ConfigurationError(
                "a proxy of the environment (HTTP_PROXY, HTTPS_PROXY, ALL_PROXY) is"
                f" unusable: {error}"
            ) from None

    async def aclose(self) -> None:
        """Close the connections of this event loop; other loops close their own."""
        token = anyio.lowlevel.current_token().native_token
        pools = self._by_loop.get(token)
        if pools is not None and pools.keeper is not None:
            await pools.keeper.aclose()


class _Lent(httpx.AsyncBaseTransport):
    """A transport of the user's, which is theirs to close."""

    def __init__(self, transport: httpx.AsyncBaseTransport) -> None:
        self._transport = transport

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await self._transport.handle_async_request(request)


async def _ssl_context(*, trust_env: bool) -> ssl.SSLContext:
    """Return the process's context: made once, in a thread, since it reads files."""
    names = ("SSL_CERT_FILE", "SSL_CERT_DIR") if trust_env else ()
    values = tuple(os.environ.get(name) for name in names)
    if values not in _ssl_contexts:
        try:
            made = await anyio.to_thread.run_sync(
                lambda: httpx.create_ssl_context(trust_env=trust_env)
            )
        except OSError as error:
            raise ConfigurationError(
                f"the CA file or folder of SSL_CERT_FILE or SSL_CERT_DIR"
                f" ({', '.join(v for v in values if v)}) cannot be read: {error}"
            ) from None
        _ssl_contexts[values] = made
    return _ssl_contexts[values]

"""Proxies and TLS servers that do one thing wrong, on real sockets of 127.0.0.1."""

from __future__ import annotations

import datetime as dt
import socket
import ssl
import threading

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from typing import TypeAlias

import trustme

from attrs import define, field

from .talk import DONE, TEXT, Event, chunk


__all__ = [
    "HERE",
    "HOST",
    "Peer",
    "Place",
    "broken_after",
    "connects",
    "cuts",
    "ends_handshake",
    "forwards",
    "hangs",
    "refuses",
    "replies",
    "served",
    "socks",
    "speaks_plainly",
    "tls",
]

# The host name of the server behind proxies, which this machine cannot resolve; and the
# address of all peers.
HOST, HERE = "otter.example", "127.0.0.1"
_SECONDS = 60
# A TLS record of application data that no key decrypts.
_BROKEN = b"\x17\x03\x03\x00\x20" + bytes(32)


@define(eq=False)
class Place:
    """
    What all peers have in common.

    Attributes:
        authority: Signs the certificates that clients trust.
        secure: Port of a TLS server that answers.
        plain: Port of the same server without TLS.
    """

    authority: trustme.CA
    secure: int
    plain: int
    _contexts: dict[str, ssl.SSLContext] = field(factory=dict, init=False)

    def context(self, kind: str = "") -> ssl.SSLContext:
        """Return the context of a TLS server; *kind* says what is wrong with its
        certificate.
        """
        if kind not in self._contexts:
            self._contexts[kind] = self._make(kind)
        return self._contexts[kind]

    def _make(self, kind: str) -> ssl.SSLContext:
        long_ago = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
        dates = {"not_before": long_ago, "not_after": long_ago.replace(year=2021)}
        issuer = trustme.CA() if kind == "unknown" else self.authority
        name = "fox.example" if kind == "wrong host" else HERE
        leaf = issuer.issue_cert(name, HOST, **(dates if kind == "expired" else {}))
        if kind == "wrong host":
            leaf = issuer.issue_cert(name)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        leaf.configure_cert(context)
        if kind.startswith("client"):
            context.verify_mode = ssl.CERT_REQUIRED
            self.authority.configure_trust(context)
        if kind.endswith("1.2"):
            context.maximum_version = ssl.TLSVersion.TLSv1_2
        return context


# Serves one connection, which is closed when the function returns.
Peer: TypeAlias = Callable[[socket.socket, Place], None]
# Returns what a TLS server sends after it has read a request; see `tls`.
Reply: TypeAlias = Callable[[bytes, ssl.SSLObject], bytes | None]


@contextmanager
def served(peer: Peer, place: Place) -> Iterator[int]:
    """Serve each connection by *peer*, in a thread of its own; yield the port."""
    open_sockets: list[socket.socket] = []

    def accept(listener: socket.socket) -> None:
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            open_sockets.append(sock)
            threading.Thread(target=serve, args=(sock,), daemon=True).start()

    def serve(sock: socket.socket) -> None:
        with closing(sock), suppress(OSError, EOFError):
            sock.settimeout(_SECONDS)
            peer(sock, place)

    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server((HERE, 0)))
        thread = threading.Thread(target=accept, args=(listener,), daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        for sock in (listener, *open_sockets):
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        thread.join(_SECONDS)


def hangs(sock: socket.socket, _: Place) -> None:
    """Read, and never reply."""
    while sock.recv(65536):
        pass


def cuts(sock: socket.socket, _: Place) -> None:
    """Read a request, and close the connection."""
    _head(sock)


def greets(*, waits: bool) -> Peer:
    """Return a peer that replies with a line of SSH, then waits or closes."""

    def peer(sock: socket.socket, place: Place) -> None:
        _head(sock)
        sock.sendall(b"SSH-2.0-x\r\n")
        if waits:
            hangs(sock, place)

    return peer


def refuses(line: bytes) -> Peer:
    """Return a peer that replies with the status line *line* and without a body."""

    def peer(sock: socket.socket, _: Place) -> None:
        head = _head(sock)
        if head.startswith(b"POST"):
            # If the body were not read, closing would reset the connection.
            sock.settimeout(0.05)
            with suppress(OSError):
                sock.recv(65536)
        sock.sendall(line + b"\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")

    return peer


def connects(sock: socket.socket, place: Place) -> None:
    """Open the tunnel that CONNECT asks for."""
    _head(sock)
    sock.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    _pipe(sock, place.secure)


def forwards(sock: socket.socket, place: Place) -> None:
    """Forward all bytes to the server without TLS."""
    _pipe(sock, place.plain)


def socks(
    *,
    method: int = 0,
    password: bool = True,
    code: int = 0,
    cut: int = 0,
    hang: int = 0,
) -> Peer:
    """
    Return a SOCKS proxy.

    Args:
        method: The authentication that the proxy chooses: 0 for none, 2 for a password,
            255 if it accepts no method.
        password: Whether the proxy accepts the password.
        code: The proxy's reply to the command to connect; 0 for success.
        cut: The proxy closes the connection before its first (1) or second (2) reply.
        hang: The proxy never sends its first (1) or second (2) reply.
    """

    def stop(sock: socket.socket, place: Place, number: int) -> None:
        if hang == number:
            hangs(sock, place)
        if cut == number:
            raise EOFError

    def peer(sock: socket.socket, place: Place) -> None:
        _, count = _exactly(sock, 2)
        _exactly(sock, count)
        stop(sock, place, 1)
        sock.sendall(bytes([5, method]))
        if method == 255:
            return
        if method == 2:
            _, size = _exactly(sock, 2)
            _exactly(sock, size)
            _exactly(sock, _exactly(sock, 1)[0])
            sock.sendall(bytes([1, not password]))
            if not password:
                return
        _, _, _, kind = _exactly(sock, 4)
        _exactly(sock, {1: 4, 4: 16}.get(kind) or _exactly(sock, 1)[0])
        _exactly(sock, 2)
        stop(sock, place, 2)
        sock.sendall(bytes([5, code, 0, 1]) + bytes(6))
        if code == 0:
            _pipe(sock, place.secure)

    return peer


def tls(then: Reply, kind: str = "") -> Peer:
    """
    Return a TLS server that sends what *then* returns for a request, then closes the
    connection without a close_notify; if *then* returns None, the server keeps the
    connection open.

    *kind* says what is wrong with the server's certificate.
    """

    def peer(sock: socket.socket, place: Place) -> None:
        come, go = ssl.MemoryBIO(), ssl.MemoryBIO()
        secure = place.context(kind).wrap_bio(come, go, server_side=True)

        def wait(step: Callable[[], object]) -> object:
            while True:
                try:
                    return step()
                except ssl.SSLWantReadError:
                    pass
                finally:
                    sock.sendall(go.read())
                data = sock.recv(65536)
                if not data:
                    raise EOFError
                come.write(data)

        try:
            wait(secure.do_handshake)
            request = b""
            while not _is_whole(request):
                request += wait(lambda: secure.read(65536))
        except ssl.SSLError:
            # The client must read the TLS alert before the connection is reset.
            sock.shutdown(socket.SHUT_WR)
            hangs(sock, place)
            raise EOFError from None
        more = then(request, secure)
        sock.sendall(go.read() + (more or b""))
        if more:
            hangs(sock, place)

    return peer


def ends_handshake(sock: socket.socket, _: Place) -> None:
    """Read the client's first message, and close the connection."""
    sock.recv(65536)


def speaks_plainly(sock: socket.socket, _: Place) -> None:
    """Reply to the client's first message without TLS."""
    sock.recv(65536)
    sock.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


def replies(share: float = 1.0, records: int = 1) -> Reply:
    """
    Return a `Reply` that sends the first *share* of an answer: 1 for all, 0 for
    nothing.

    The answer is sent in *records* TLS records.
    """

    def reply(request: bytes, secure: ssl.SSLObject) -> bytes:
        data = _reply(request, share) if share else b""
        size = -(-len(data) // records) or 1
        for at in range(0, len(data), size):
            secure.write(data[at : at + size])
        return b""

    return reply


def broken_after(share: float, records: int = 1) -> Reply:
    """Return a `Reply` that sends *share* of an answer, then a broken TLS record."""

    def reply(request: bytes, secure: ssl.SSLObject) -> bytes:
        replies(share, records)(request, secure)
        return _BROKEN

    return reply


def _reply(request: bytes, share: float) -> bytes:
    """Return a whole reply, or its head and the first *share* of its body."""
    kind = b"application/json"
    body = b'{"choices":[{"message":{"content":"%b"},"finish_reason":"stop"}]}' % (
        TEXT.encode()
    )
    if b'"stream":true' in request:
        kind = b"text/event-stream"
        words = [f"{word} " for word in TEXT.split()]
        words[-1] = words[-1].strip()
        last = chunk(finish="stop")
        body = Event(*map(chunk, words), last).data + DONE.data
    head = b"HTTP/1.1 200 OK\r\ncontent-type: %b\r\ncontent-length: %d\r\n\r\n"
    return head % (kind, len(body)) + body[: int(len(body) * share)]


def _is_whole(request: bytes) -> bool:
    head, found, body = request.partition(b"\r\n\r\n")
    if not found:
        return False
    length = head.lower().partition(b"content-length:")[2].split(b"\r\n")[0]
    return len(body) >= int(length)


def _head(sock: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        piece = sock.recv(65536)
        if not piece:
            raise EOFError
        data += piece
    return data


def _exactly(sock: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        piece = sock.recv(size - len(data))
        if not piece:
            raise EOFError
        data += piece
    return data


def _pipe(sock: socket.socket, port: int) -> None:
    """Copy bytes in both directions until one side closes its connection."""
    with socket.create_connection((HERE, port), _SECONDS) as beyond:

        def back() -> None:
            with suppress(OSError):
                while data := beyond.recv(65536):
                    sock.sendall(data)
                sock.shutdown(socket.SHUT_RDWR)

        thread = threading.Thread(target=back, daemon=True)
        thread.start()
        try:
            while data := sock.recv(65536):
                beyond.sendall(data)
        finally:
            beyond.shutdown(socket.SHUT_RDWR)
            thread.join(_SECONDS)

"""
How `create` and `stream` end behind proxies, and when TLS fails.

The rows are written by hand from the package's documented behaviour; they are not
recorded from its actual behaviour.
"""

from __future__ import annotations

from attrs import evolve, frozen

import asi1

from ...support.peers import (
    Peer,
    broken_after,
    connects,
    cuts,
    ends_handshake,
    forwards,
    greets,
    hangs,
    refuses,
    replies,
    socks,
    speaks_plainly,
    tls,
)


__all__ = ["SECTIONS", "End", "Row"]


@frozen
class End:
    """
    How one call ends.

    Attributes:
        error: The exact class of the error; None if the call returns the whole answer.
        sent: Whether the last attempt counts as sent.
        tries: How many attempts the call makes.
        phase: The timeout that passed; None for every other outcome.
        status: The HTTP status of the error; None if there was no reply.
    """

    error: type[asi1.APIError] | None = None
    sent: bool = True
    tries: int = 1
    phase: str | None = None
    status: int | None = None


@frozen(kw_only=True)
class Row:
    """
    What one proxy or server does, and how calls end.

    Attributes:
        peer: The proxy or server.
        create: How `create` ends.
        stream: How `stream` ends; None if it ends as `create` does.
        own: How `create` and `stream` end with an httpx client of the user's own; None
            if they end as they do without such a client.
        scheme: The scheme of the proxy's URL; "" if *peer* is the server.
        login: User and password in the proxy's URL.
        insecure: Whether the server behind the proxy has no TLS.
    """

    peer: Peer
    create: End
    stream: End | None = None
    own: End | None = None
    scheme: str = ""
    login: str = ""
    insecure: bool = False

    def end(self, form: str, client: str) -> End:
        """Return how a call of *form* ends with a client of the kind *client*."""
        end = self.stream if form == "stream" and self.stream else self.create
        return self.own if client == "httpx" and self.own else end


ANSWER = End()
UNREACHED = End(asi1.APIConnectionError, sent=False, tries=3)
REFUSED = evolve(UNREACHED, tries=1)
LOST = End(asi1.APIConnectionError, tries=3)
BROKEN = End(asi1.APIConnectionError)
INTERRUPTED = End(asi1.StreamInterruptedError)
SLOW = End(asi1.APITimeoutError, sent=False, tries=3, phase="connect")
SILENT = End(asi1.APITimeoutError, phase="first_token")

_407 = b"HTTP/1.1 407 Proxy Authentication Required"
_502 = b"HTTP/1.1 502 Bad Gateway"


def _connect(peer: Peer, create: End, own: End | None = None, **more: str) -> Row:
    return Row(peer=peer, create=create, own=own, scheme="http", **more)


def _forward(peer: Peer, create: End) -> Row:
    return Row(peer=peer, create=create, scheme="http", insecure=True)


def _socks(create: End, own: End | None = None, login: str = "", **what: int) -> Row:
    return Row(peer=socks(**what), create=create, own=own, scheme="socks5", login=login)


# The rows of each section, by what the proxy or server does.
SECTIONS: dict[str, dict[str, Row]] = {
    "An HTTP proxy, to an https:// server": {
        "opens the tunnel": _connect(connects, ANSWER),
        "refuses with 407, since it wants a password": _connect(refuses(_407), REFUSED),
        "refuses with 403": _connect(refuses(b"HTTP/1.1 403 Forbidden"), REFUSED),
        "refuses with 502, since it cannot reach the server": _connect(
            refuses(_502), UNREACHED
        ),
        "never replies": _connect(hangs, SLOW, SILENT),
        "closes the connection instead of a reply": _connect(cuts, UNREACHED, LOST),
        "does not speak HTTP: sends lines and a blank line": _connect(
            refuses(b"SSH-2.0-x"), REFUSED, BROKEN
        ),
        "does not speak HTTP: sends a line, and closes": _connect(
            greets(waits=False), REFUSED, LOST
        ),
        "does not speak HTTP: sends a line, and waits": _connect(
            greets(waits=True), REFUSED, SILENT
        ),
    },
    "An HTTP proxy, to an http:// server": {
        "forwards": _forward(forwards, ANSWER),
        "replies 407, since it wants a password": _forward(
            refuses(_407), End(asi1.APIStatusError, status=407)
        ),
        "replies 502, since it cannot reach the server": _forward(
            refuses(_502), End(asi1.InternalServerError, tries=3, status=502)
        ),
        "never replies": _forward(hangs, SILENT),
        "closes the connection instead of a reply": _forward(cuts, LOST),
    },
    "A SOCKS proxy": {
        "opens the tunnel": _socks(ANSWER),
        "opens the tunnel for the right password": _socks(
            ANSWER, login="otter:fish@", method=2
        ),
        "wants a password, and the URL has none": _socks(REFUSED, method=255),
        "wants another password": _socks(
            REFUSED, login="otter:fish@", method=2, password=False
        ),
        "does not allow the server": _socks(REFUSED, UNREACHED, code=2),
        "cannot reach the server": _socks(UNREACHED, code=4),
        "never replies": _socks(SLOW, SILENT, hang=1),
        "never tells whether it has connected": _socks(SLOW, SILENT, hang=2),
        "closes the connection instead of a reply": _socks(UNREACHED, cut=1),
        "closes the connection while it connects": _socks(UNREACHED, cut=2),
    },
    "A server with TLS": {
        "answers, and ends without a close_notify": Row(
            peer=tls(replies()), create=ANSWER
        ),
        "has a certificate for another host": Row(
            peer=tls(replies(), "wrong host"), create=REFUSED
        ),
        "has an expired certificate": Row(
            peer=tls(replies(), "expired"), create=REFUSED
        ),
        "has a certificate of an unknown issuer": Row(
            peer=tls(replies(), "unknown"), create=REFUSED
        ),
        "wants a certificate of the client (TLS 1.2)": Row(
            peer=tls(replies(), "client 1.2"), create=REFUSED
        ),
        "wants a certificate of the client (TLS 1.3, after the request)": Row(
            peer=tls(replies(), "client"), create=BROKEN
        ),
        "does not speak TLS": Row(peer=speaks_plainly, create=REFUSED),
        "never replies to the handshake": Row(peer=hangs, create=SLOW),
        "closes the connection in the handshake": Row(
            peer=ends_handshake, create=UNREACHED
        ),
        "ends without a close_notify, before its reply": Row(
            peer=tls(replies(0)), create=LOST
        ),
        "ends without a close_notify, in its reply": Row(
            peer=tls(replies(0.7)), create=BROKEN, stream=INTERRUPTED
        ),
        "sends a broken record after its whole reply": Row(
            peer=tls(broken_after(1)), create=ANSWER
        ),
        "sends a broken record in its reply": Row(
            peer=tls(broken_after(0.7)), create=BROKEN, stream=INTERRUPTED
        ),
        "sends a broken record before its reply": Row(
            peer=tls(broken_after(0)), create=BROKEN
        ),
    },
}

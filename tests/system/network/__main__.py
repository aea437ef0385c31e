"""``python -m tests.system.network --markdown`` prints docs/network.md."""

from __future__ import annotations

from ...support.pages import print_page
from .rows import SECTIONS, End, Row


__all__ = ["markdown"]

_INTRODUCTION = """\
# What a call does behind proxies and with TLS

The tests try each row with `create` and with `stream`, on asyncio and on trio, with
real sockets, and check that the call ends as this page says. The page is made by

    python -m tests.system.network --markdown > docs/network.md

The proxy is one of the environment, or that of an `httpx.AsyncClient` which is given as
`http_client=`. Timeouts, limits and retries are the client's defaults. The columns:

- **it**: what the proxy, or the server, does with each connection;
- **create**, **stream**: how the call ends: with the answer, or with an error, given as
  its class, with the timeout that passed or the status in brackets. "Not sent" means
  that the error's `sent` is False: no request has left this machine, and nothing can
  have been billed. "3 tries" means that the call is retried, else it is tried once;
- **http_client=**: how both end with a client of your own, if that differs.

A proxy's refusal is retried if it may pass: 429, 5xx, and a server that the proxy
cannot reach. An error of TLS is never retried, but a connection that just ends is, also
if its end overtakes the server's TLS alert.
With `http_client=`, httpx speaks to the proxy: the timeout `connect` does not limit the
wait for the proxy's reply, and asi1 cannot know that nothing was sent.
"""


def markdown() -> str:
    """Return the content of docs/network.md."""
    return "\n".join([_INTRODUCTION, *map(_section, SECTIONS)])


def _section(title: str) -> str:
    rows = SECTIONS[title].items()
    return "\n".join(
        [
            f"## {title}",
            "",
            "| it | create | stream | `http_client=` |",
            "| --- | --- | --- | --- |",
            *(_line(name, row) for name, row in rows),
            "",
        ]
    )


def _line(name: str, row: Row) -> str:
    own = _words(row.own) if row.own else ""
    stream = row.stream or row.create
    return f"| {name} | {_words(row.create)} | {_words(stream)} | {own} |"


def _words(end: End) -> str:
    if end.error is None:
        return "answer"
    detail = end.phase or end.status
    name = f"`{end.error.__name__}`" + (f" ({detail})" if detail else "")
    sent = "" if end.sent else ", not sent"
    return name + sent + (f", {end.tries} tries" if end.tries > 1 else "")


if __name__ == "__main__":
    raise SystemExit(print_page("network", markdown))

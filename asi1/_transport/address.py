"""The parts of a request's URL that a connection needs, read without httpx."""

from __future__ import annotations

import re

from contextlib import suppress
from functools import lru_cache
from ipaddress import ip_address

from attrs import frozen


__all__ = ["PORTS", "Address", "read_address"]

# The default port of each scheme.
PORTS = {"http": 80, "https": 443}
# The characters that httpx sends unchanged.
_SAFE = r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-F]{2})*+"
_URL = re.compile(
    rf"(https?)://([a-z0-9.-]+|\[[0-9a-f:.]+\])(?::([1-9][0-9]{{0,4}}))?"
    rf"(/{_SAFE})(\?(?:{_SAFE}|[?])*+)?"
)


@frozen
class Address:
    """
    Where a request is sent.

    Attributes:
        scheme: "http" or "https".
        host: The server's name or IP address, without brackets.
        port: The port, even if it is the scheme's default.
        netloc: The value of the Host header.
        target: The path and the query, as they are sent.
    """

    scheme: str
    host: str
    port: int
    netloc: str
    target: str

    @property
    def origin(self) -> tuple[str, str, int]:
        """The scheme, host and port: what a connection serves."""
        return self.scheme, self.host, self.port


@lru_cache(maxsize=64)
def read_address(url: str) -> Address | None:
    """
    Return the address in *url*; None if httpx must read it.

    httpx encodes characters that no URL may have, and names that are not ASCII, and
    removes dots from paths.
    """
    found = _URL.fullmatch(url)
    if found is None:
        return None
    scheme, named, port, path, query = found.groups("")
    if "/." in path or not _is_name_or_address(named):
        return None
    number = int(port or PORTS[scheme])
    netloc = named if number == PORTS[scheme] else f"{named}:{number}"
    return Address(scheme, named.strip("[]"), number, netloc, path + query)


def _is_name_or_address(named: str) -> bool:
    """Whether *named* is the name of a host, or an IP address; IPv6 in brackets."""
    if named.startswith("["):
        with suppress(ValueError):
            return ip_address(named[1:-1]).version == 6
        return False
    labels = named.split(".")
    if labels[-1].isdigit():
        with suppress(ValueError):
            return ip_address(named).version == 4
        return False
    return all(0 < len(label) < 64 and "xn--" not in label for label in labels)

"""asi1 uses private names of httpx and httpcore, but also works without them."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys

from pathlib import Path
from types import SimpleNamespace

import anyio
import httpcore
import httpx
import pytest

import asi1

from asi1._transport.http_pool import ConnectionPool
from asi1._transport.httpcore_internals import (
    is_known_release,
    replace_request_lock,
    speed_up_state,
    unread,
)
from asi1.testing import FakeASI1

from ..support.shape import nodes_of


NAMES = {"_pool", "_request_lock", "_connection", "_state_lock", "_h11_state"}

# This program prints the texts of three calls, the class of their connection pool, and
# the number of the pool's connections after the client is closed.
PROGRAM = """
import json, logging, sys
import anyio, asi1

# On asyncio, asi1 uses httpcore while a program logs what httpcore does.
logging.getLogger("httpcore.http11").setLevel("DEBUG")

async def main(url):
    async with asi1.AsyncASI1("sk-test", url) as client:
        completions = client.chat.completions
        texts = [(await completions.create(messages="Hi")).text]
        async with completions.stream(messages="Hi") as stream:
            texts.append("".join([text async for text in stream.text_stream]))
        texts.append((await completions.create(messages="Hi")).text)
        (loop,) = client._engine.resources.transport.pools._by_loop.values()
        held = vars(loop.pools[0].transport.by_httpx)
    pool = held.get("_pool") or held["_renamed_pool"]
    print(json.dumps([texts, type(pool).__name__, len(pool.connections)]))

anyio.run(main, sys.argv[1], backend=sys.argv[2])
"""


@pytest.fixture
def fake():
    with FakeASI1() as running:
        for text in ("One.", "Two.", "Three."):
            running.reply(text)
        yield running


def names_in(path):
    """Yield the attribute names and the strings in a module's code."""
    for node in nodes_of(path):
        if isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def test_only_three_modules_use_private_names_of_httpx_and_httpcore():
    """
    Only three modules use private names of httpx and httpcore, so that a new release of
    either has to be compared with these modules only.
    """
    root = Path(asi1.__file__).parent
    modules = sorted(root.rglob("*.py"))

    modules_with_names = [
        "_transport/httpcore_internals.py",
        "_transport/user_http2.py",
        "_transport/user_loops.py",
    ]
    assert modules_with_names == [
        path.relative_to(root).as_posix()
        for path in modules
        if not NAMES.isdisjoint(names_in(path))
    ]


def test_installed_releases_of_httpx_and_httpcore_are_known():
    """
    The installed releases of httpx and httpcore are known: asi1 uses their private
    names. With unknown releases, calls would be slower without a warning.
    """
    assert is_known_release(httpx.__version__, httpcore.__version__)


@pytest.mark.parametrize(
    ("httpx_version", "httpcore_version"),
    [("0.26.0", "1.0.9"), ("0.29.0", "1.0.9"), ("0.28.1", "1.1.0"), ("1.0.0", "2.0")],
)
def test_is_known_release_is_false_for_a_release_that_is_not_listed(
    httpx_version, httpcore_version
):
    """
    `is_known_release` is false for releases of httpx and httpcore that asi1 does not
    list, because their private names may mean something else.
    """
    assert not is_known_release(httpx_version, httpcore_version)


async def test_connection_of_a_known_httpcore_release_gets_anyios_locks(fake):
    """
    After its first request, a connection of a known httpcore release has anyio's locks.
    With httpcore's own locks a request would take one more iteration of the event loop.
    """
    async with ConnectionPool(None, httpx.Limits(), None) as pool:
        await pool.request("GET", f"{fake.base_url}/models")
        (connection,) = pool.connections
        locks = [connection._request_lock, connection._connection._state_lock]

        assert [True, True] == [isinstance(lock, anyio.Lock) for lock in locks]


async def test_connection_of_a_known_httpcore_release_reads_256_kib_at_once(fake):
    """
    After its first request, a connection of a known httpcore release reads as many
    bytes at once as asyncio receives, so that a large body comes in few pieces.
    """
    async with ConnectionPool(None, httpx.Limits(), None) as pool:
        await pool.request("GET", f"{fake.base_url}/models")
        (connection,) = pool.connections

        assert 256 * 1024 == connection._connection.READ_NUM_BYTES


def test_connection_without_httpcores_private_attributes_is_unchanged():
    """
    A connection that lacks httpcore's private attributes gets no new attributes, and
    counts as having no unread bytes.
    """
    for connection in (SimpleNamespace(), SimpleNamespace(_connection=None)):
        before = dict(vars(connection))
        replace_request_lock(connection)
        speed_up_state(connection)

        assert before == vars(connection)
        assert unread(connection) == b""


def install(folder, package, old, new):
    """Copy *package* to *folder*, with matches of regex *old* replaced by *new*."""
    source = Path(package.__file__).parent
    copy = folder / source.name
    shutil.copytree(source, copy, ignore=shutil.ignore_patterns("__pycache__"))
    count = 0
    for path in copy.rglob("*.py"):
        text, found = re.subn(old, new, path.read_text("utf-8"))
        path.write_text(text, "utf-8")
        count += found
    assert count


VERSION = '__version__ = "[^"]*"', '__version__ = "9.0"'
POOL = r"\b_pool\b", "_renamed_pool"
CONNECTION_NAMES = (
    r"\b(_request_lock|_connection|_state_lock|_h11_state)\b",
    r"_renamed\1",
)


@pytest.mark.system
@pytest.mark.parametrize(
    ("change", "pool"),
    [
        pytest.param((httpx, "_pool", "_pool"), "ConnectionPool", id="installed"),
        pytest.param((httpcore, *VERSION), "AsyncConnectionPool", id="new-httpcore"),
        pytest.param((httpx, *VERSION), "AsyncConnectionPool", id="new-httpx"),
        pytest.param((httpx, *POOL), "AsyncConnectionPool", id="no-pool"),
        pytest.param(
            (httpcore, *CONNECTION_NAMES), "ConnectionPool", id="no-connection-names"
        ),
    ],
)
@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_calls_work_with_an_unknown_release_or_without_private_names(
    fake, tmp_path, change, pool, backend
):
    """
    With an unknown release of httpx or httpcore, or with renamed private attributes,
    calls and streams share one connection, which is closed with the client.
    """
    install(tmp_path, *change)
    paths = [str(tmp_path), str(Path(asi1.__file__).parents[1])]
    options = ["-W", "always::ResourceWarning"]
    done = subprocess.run(
        [sys.executable, *options, "-c", PROGRAM, fake.base_url, backend],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )

    assert ("", 0) == (done.stderr, done.returncode)
    assert [["One.", "Two.", "Three."], pool, 0] == json.loads(done.stdout)
    assert 1 == len({request.connection for request in fake.requests})

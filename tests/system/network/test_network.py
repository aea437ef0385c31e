"""A call behind a proxy or over TLS, on real sockets, ends as docs/network.md says."""

from __future__ import annotations

import gc
import os
import ssl
import subprocess
import sys
import warnings

from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import anyio
import httpx
import pytest
import trustme

import asi1

from asi1.testing import FakeASI1

from ...support.front import Front, trust_only
from ...support.front import served as served_front
from ...support.peers import HERE, HOST, Place, served
from ...support.talk import TEXT
from .rows import SECTIONS, End


ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "network.md"
ROWS = {
    f"{title}: {name}": row
    for title in SECTIONS
    for name, row in SECTIONS[title].items()
}
# Timeouts, in seconds, of the phases that time out in some rows. Those of the other
# phases are long, since a machine may be slow.
SHORT = {"connect": 0.3, "first_token": 2.0}


@pytest.fixture(scope="module")
def place():
    authority = trustme.CA()
    with FakeASI1(seed=9) as fake:
        fake.reply(TEXT, chunk_words=1, times=None)
        place = Place(authority, 0, fake.port)
        with served_front(Front(place.context(), fake.port)) as front:
            place.secure = front.port
            yield place


@pytest.fixture(autouse=True)
def _environment(place, monkeypatch, tmp_path):
    """Make clients trust the tests' authority, and use no proxy of this machine."""
    trust_only(place.authority, monkeypatch, tmp_path)


@asynccontextmanager
async def client_of(kind, place, url, proxy, phase):
    """Yield a client of the *kind* "asi1" or "httpx", with a short *phase*."""
    timeouts = {"connect": 60, "first_token": 60} | (
        {phase: SHORT[phase]} if phase else {}
    )
    options = {
        "timeout": asi1.Timeouts(**timeouts),
        "retry": asi1.RetryPolicy(wait_first=0),
        "allow_insecure_http": True,
    }
    if kind == "asi1":
        async with asi1.AsyncASI1("sk-test", url, **options) as client:
            yield client
        return
    context = ssl.create_default_context()
    place.authority.configure_trust(context)
    async with (
        httpx.AsyncClient(verify=context, proxy=proxy, trust_env=False) as own,
        asi1.AsyncASI1("sk-test", url, http_client=own, **options) as client,
    ):
        yield client


async def end_of(client, form):
    """Make a call, and return how it ends."""
    completions = client.chat.completions
    try:
        if form == "create":
            answer = await completions.create(messages="Hi")
        else:
            answer = await completions.stream(messages="Hi").get_final_completion()
    except asi1.APIError as error:
        return failed(error)
    assert TEXT == answer.text
    return End(tries=len(answer.response.attempts))


@contextmanager
def unclosed_ignored(leaks):
    """
    If *leaks*, ignore that httpcore (1.0) leaves connections to SOCKS proxies open.
    """
    if not leaks:
        yield
        return
    with warnings.catch_warnings(action="ignore", category=ResourceWarning):
        yield
        gc.collect()


def failed(error):
    """Return the end of a call that raised *error*."""
    attempts = error.response.attempts
    assert error.message
    assert {getattr(error, "sent", True)} == {each.sent for each in attempts}
    return End(
        type(error),
        attempts[-1].sent,
        len(attempts),
        getattr(error, "phase", None),
        getattr(error, "status_code", None),
    )


@pytest.mark.parametrize("kind", ["asi1", "httpx"])
@pytest.mark.parametrize("name", ROWS)
async def test_call_through_a_proxy_or_tls_ends_as_its_row_says(
    place, monkeypatch, name, kind
):
    """
    A call behind a proxy, or to a server with TLS, ends as its row says: with the whole
    answer or an error, sent or not, after the row's number of attempts.
    """
    row = ROWS[name]
    leaks = row.scheme == "socks5" and kind == "httpx"
    if leaks:
        pytest.importorskip("socksio", reason="httpx needs it for SOCKS")
    with unclosed_ignored(leaks), served(row.peer, place) as port:
        proxy, url = None, f"https://{HERE}:{port}/v1"
        if row.scheme:
            proxy = f"{row.scheme}://{row.login}{HERE}:{port}"
            url = f"http{'' if row.insecure else 's'}://{HOST}/v1"
            if kind == "asi1":
                monkeypatch.setenv("ALL_PROXY", proxy)
        found = {}

        async def run(form):
            expected = row.end(form, kind)
            async with client_of(kind, place, url, proxy, expected.phase) as client:
                found[form] = await end_of(client, form)

        with anyio.fail_after(120):
            async with anyio.create_task_group() as tasks:
                for form in ("create", "stream"):
                    tasks.start_soon(run, form)

    assert {form: row.end(form, kind) for form in ("create", "stream")} == found


def test_network_page_is_the_output_of_the_command_that_the_page_names():
    """
    docs/network.md is exactly the output of the command that the page itself names.
    """
    env = {k: v for k, v in os.environ.items() if k != "PYTHONSAFEPATH"}
    done = subprocess.run(
        [sys.executable, "-m", "tests.system.network", "--markdown"],
        cwd=ROOT,
        env=env,
        capture_output=True,
        check=True,
    )
    page = PAGE.read_text(encoding="utf-8")

    assert done.stdout.decode() == page
    assert "python -m tests.system.network --markdown > docs/network.md" in page

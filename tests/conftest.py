"""
Shared fixtures: both event loops, with a real or virtual clock, and a fake server.
"""

from __future__ import annotations

import importlib
import pkgutil
import shutil
import signal
import subprocess
import sys
import threading

from collections.abc import Generator
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import pytest

from hypothesis import HealthCheck, settings
from trio.testing import MockClock

import asi1

from asi1.testing import FakeASI1

from .support.talk import in_process
from .support.virtual_time import VirtualTimeLoop


SYSTEM = Path(__file__).parent / "system"

# Hypothesis has no deadline here: how long an example takes depends on the machine.
settings.register_profile(
    "asi1", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("asi1")

# A shell that starts pytest in the background makes pytest, and each process that a
# test starts, ignore Ctrl-C; so Python's default handler of SIGINT is restored.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_ignore_collect(
    collection_path: Path, config: pytest.Config
) -> Literal[True] | None:
    """
    Leave out the folder tests/system if the run excludes the mark `system`: importing
    the folder's files would take a large part of the time of a quick run.
    """
    quick = config.getoption("markexpr") == "not system"
    return True if quick and collection_path == SYSTEM else None


def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    """
    Add the mark `system` to every test in the folder tests/system. If several processes
    share the tests, the tests of this folder come first: a slow file that came last
    would keep one process busy while the others had nothing to do.
    """
    for item in items:
        if item.path.is_relative_to(SYSTEM):
            item.add_marker(pytest.mark.system)
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: not item.path.is_relative_to(SYSTEM))
    if sys.gettrace() is not None:
        import_all()


def import_all() -> None:
    """
    Import all modules of asi1 while coverage traces them.

    Otherwise a test with the mark `system`, which is not traced, might be the first to
    import a module, and the module's lines would count as not executed.
    """
    for module in pkgutil.walk_packages(asi1.__path__, "asi1.", onerror=str):
        if not module.name.endswith("__main__"):
            with suppress(ImportError):  # a library that is not installed
                importlib.import_module(module.name)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """
    Leave the tests with the mark `system` out of the coverage. The tracer doubles the
    time of a test, and the other tests alone reach the required coverage.
    """
    tracer, tracer_of_threads = sys.gettrace(), threading.gettrace()
    if tracer is None or item.get_closest_marker("system") is None:
        return (yield)
    sys.settrace(None)
    threading.settrace(None)
    try:
        return (yield)
    finally:
        threading.settrace(tracer_of_threads)
        sys.settrace(tracer)


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, Any]]:
    """
    Run each async test twice, on asyncio and on trio, each time in a new event loop.

    With ``@pytest.mark.virtual_time`` on the test, or ``pytestmark =
    pytest.mark.virtual_time`` in the module, the clock is virtual: it stands still
    while any task can run, then jumps to the next timer. ``anyio.sleep(3600)`` returns
    at once and `anyio.current_time` has moved by 3600. Tests with sockets, threads or
    subprocesses need the real clock: the virtual clock would not wait for those.

    A module whose tests run on only one backend overrides this fixture and returns the
    name of that backend.
    """
    virtual = request.node.get_closest_marker("virtual_time") is not None
    options: dict[str, dict[str, Any]] = {
        "asyncio": {"loop_factory": VirtualTimeLoop} if virtual else {},
        "trio": {"clock": MockClock(autojump_threshold=0)} if virtual else {},
    }
    return request.param, options[request.param]


@pytest.fixture
def fake(request):
    """
    Run a fake server on 127.0.0.1, in a thread of its own. A test in virtual time has
    no sockets, and gets a fake without a server.

    A module whose tests all need the same reply overrides this fixture: its own `fake`
    requests this one and adds the reply.
    """
    fake = FakeASI1(seed=1)
    if request.node.get_closest_marker("virtual_time") is not None:
        yield fake
        return
    with fake:
        yield fake


@pytest.fixture
async def fake_client(fake):
    """Return an async client that calls the fake server in process, without retries."""
    async with in_process(fake, max_retries=0) as client:
        yield client


@pytest.fixture
def blocking_client(fake):
    """Return a blocking client that calls the fake server over TCP, without retries."""
    with asi1.ASI1("sk-test", fake.base_url, max_retries=0) as client:
        yield client


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """
    Return the path of a PEM file with a self-signed certificate for 127.0.0.1 and the
    certificate's private key.
    """
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl, which makes the certificate, is not installed")
    folder = tmp_path_factory.mktemp("tls")
    pem, key = folder / "cert.pem", folder / "key.pem"
    what = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    whom = "-subj /CN=localhost -addext subjectAltName=IP:127.0.0.1"
    where = ["-keyout", str(key), "-out", str(pem)]
    subprocess.run(
        [openssl, *what.split(), *whom.split(), *where], check=True, capture_output=True
    )
    pem.write_text(pem.read_text() + key.read_text())
    return pem

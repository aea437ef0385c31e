"""Fixtures: one browser, one web chat and one fake server for each test module."""

from __future__ import annotations

import pytest

from asi1.testing import FakeASI1


@pytest.fixture(scope="module")
def anyio_backend():
    return "asyncio"  # uvicorn and Playwright need asyncio


@pytest.fixture(scope="module")
def running():
    with FakeASI1(seed=6) as fake:
        yield fake


@pytest.fixture
def fake(running):
    running.clear()
    return running


@pytest.fixture(scope="module")
def url(running):
    from .site import serving

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ASI_ONE_API_KEY", "sk_webchat")
        patch.setenv("ASI1_BASE_URL", running.base_url)
        with serving() as url:
            yield url


@pytest.fixture(scope="module")
async def browser(anyio_backend):
    from .site import CHROMIUM, browsing

    if CHROMIUM is None:
        pytest.skip("there is no chromium")
    async with browsing() as browser:
        yield browser


@pytest.fixture(scope="module")
async def home(browser, url):
    from .site import visiting

    async with visiting(browser, url) as visit:
        yield visit


@pytest.fixture
async def visit(home, fake):
    await home.begin()
    yield home
    home.end()

"""Serve examples/webchat on a real server, and open it in a browser."""

from __future__ import annotations

import os
import shutil
import threading
import time

from contextlib import asynccontextmanager, contextmanager
from importlib import util
from pathlib import Path

import uvicorn

from anyio import to_thread
from playwright.async_api import async_playwright, expect


__all__ = [
    "CHROMIUM",
    "Visit",
    "browsing",
    "expect",
    "outcome_of",
    "serving",
    "visiting",
]

APP = Path(__file__).parents[3] / "examples" / "webchat" / "app.py"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
# Seconds that a test waits at most for a condition; no test waits for a fixed time.
TIMEOUT = 20

expect.set_options(timeout=TIMEOUT * 1000)


@contextmanager
def serving():
    """Serve the web chat with uvicorn in a thread; yield its URL."""
    spec = util.spec_from_file_location("webchat_app", APP)
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    server = uvicorn.Server(
        uvicorn.Config(
            module.app, port=0, ws="none", log_config=None, timeout_graceful_shutdown=1
        )
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        end = time.monotonic() + TIMEOUT
        while not server.started:
            assert thread.is_alive(), "the example did not start"
            assert time.monotonic() < end, "the example did not start in time"
            time.sleep(0.01)
        [socket] = server.servers[0].sockets
        yield f"http://127.0.0.1:{socket.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


@asynccontextmanager
async def browsing():
    """Start the installed Chromium; yield the browser."""
    env = {**os.environ, "NO_PROXY": "127.0.0.1"}
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, env=env)
        yield browser
        await browser.close()


class Visit:
    """
    The web chat's page in a browser, and the errors that the browser logs for the page.

    Attributes:
        page: Playwright's page.
        errors: The errors and warnings that the browser has logged for the page.
        expected: Strings; `end` ignores each error that contains one of these.
        elsewhere: The URLs of other sites that the page has requested.
    """

    def __init__(self, page, url):
        self.page = page
        self.url = url
        self.errors = []
        self.expected = []
        self.elsewhere = []
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("dialog", lambda dialog: self.errors.append("a dialog"))
        page.on("request", self._on_request)
        self.prompt = page.get_by_role("textbox", name="Your message")
        self.send = page.get_by_role("button", name="Send", exact=True)
        self.stop = page.get_by_role("button", name="Stop the answer")
        self.retry = page.get_by_role("alert").get_by_role("button", name="Try again")
        self.alert = page.get_by_role("alert")
        self.answer = page.locator(".answer").last
        self.text = self.answer.locator(".text")
        self.meta = self.answer.locator(".meta")
        self.thoughts = self.answer.locator("details")

    async def begin(self):
        """Open the page with empty local storage, as on a first visit."""
        if self.page.url.startswith(self.url):
            await self.page.evaluate("() => localStorage.clear()")
        await self.page.goto(self.url)
        await expect(self.send).to_be_visible()
        self.errors.clear()
        self.elsewhere.clear()
        self.expected.clear()

    def end(self):
        """
        Fail if the browser has logged an unexpected error or requested another site.
        """
        unexpected = [
            error
            for error in self.errors
            if not any(part in error for part in self.expected)
        ]
        assert not unexpected, unexpected
        assert not self.elsewhere, self.elsewhere

    def _on_console(self, message):
        if message.type in ("error", "warning"):
            self.errors.append(message.text)

    def _on_request(self, request):
        if not request.url.startswith(f"{self.url}/"):
            self.elsewhere.append(request.url)

    async def ask(self, question):
        """Type a question and send it, without waiting for the answer."""
        await self.prompt.fill(question)
        await self.prompt.press("Enter")

    async def ask_and_wait(self, question):
        """Type a question and send it; wait until the answer has ended."""
        await self.ask(question)
        await self.wait_until_done()

    async def wait_until_done(self):
        """Wait until the page has finished writing the last answer."""
        await expect(self.send).to_be_visible()
        await expect(self.answer).to_have_attribute("aria-busy", "false")

    async def answer_html(self):
        """Return the last answer as HTML."""
        return await self.text.inner_html()


@asynccontextmanager
async def visiting(browser, url, **options):
    """Open the page in its own browser context; fail on errors at the end."""
    context = await browser.new_context(
        **{"viewport": {"width": 1280, "height": 800}, **options}
    )
    context.set_default_timeout(TIMEOUT * 1000)
    visit = Visit(await context.new_page(), url)
    await visit.begin()
    yield visit
    await context.close()
    visit.end()


async def outcome_of(request):
    """Wait until the fake's reply to *request* has ended; return its outcome."""
    return await to_thread.run_sync(request.wait, TIMEOUT)

"""
The list of contenders; this module imports none of them.

A contender is a module of this package. `async_client` and `sync_client` make a client;
the first takes a number of connections, None for the default. `stream_async`,
`stream_sync`, `create_async`, `create_sync`, `tools_async` and `final_async` make one
call with a client, and return how many characters they have read; so do `parse_async`
and `parse_sync`, for answers that become a value, and the functions of `BY_CHOICES`.
`to_sse_async` reads a stream, and returns the bytes of events for a browser.
`turns_async` returns a coroutine function that asks the question after the messages,
and returns the length; `planner` returns a function that cuts messages to half the size
of the given ones. `round_async`, `round_sync` and `round_thread` let the model call a
tool, and `creates_async`, `creates_sync` and `creates_thread` send the same requests
with `create`; they return what `create_async` does. The table has a "-" for a function
that a module lacks.
"""

# Maps a contender, the name of its module, to the import that it needs.
CONTENDERS = {
    "httpx": "import httpx, orjson",
    "httpx2": "import httpx2, orjson",
    "aiohttp": "import aiohttp, orjson",
    "asi1": "from asi1 import ASI1, AsyncASI1",
    "openai": "from openai import AsyncOpenAI, OpenAI",
    "openai_aiohttp": "import aiohttp; from openai import AsyncOpenAI",
    "groq": "from groq import AsyncGroq, Groq",
    "mistralai": "from mistralai.client import Mistral",
    "litellm": "from litellm import acompletion, completion",
    "asi1_uvloop": "import asi1, uvloop",
    "asi1_aiohttp": "import asi1, httpx_aiohttp",
}
# asi1 with optional libraries that make it faster; measured only on request.
VARIANTS = ("asi1_uvloop", "asi1_aiohttp")
# The distribution of a contender whose name is not that of its package.
PACKAGES = {"asi1_uvloop": "asi1", "asi1_aiohttp": "asi1", "openai_aiohttp": "openai"}
FLOORS = ("httpx", "httpx2", "aiohttp")
# Functions that read the text by ``choices[0]``, as programs for OpenAI's client do.
# A contender lacks them if its text is nowhere else: the function beside is the same.
BY_CHOICES = {
    "choices_async": "stream_async",
    "choices_sync": "stream_sync",
    "choices_create_async": "create_async",
    "choices_create_sync": "create_sync",
    "choices_turns_async": "turns_async",
}
# Seconds, for clients with many connections: some cannot open a thousand within their
# default of five seconds, and the benchmark measures cost, not speed of connecting.
TIMEOUT = 120


def function(contender, name):
    """Return the function of a contender's module for an operation, or None."""
    own = getattr(contender, name, None)
    return own or getattr(contender, BY_CHOICES.get(name, ""), None)

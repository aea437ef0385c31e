"""
Who is measured; this module imports none of them.

A contender is a module here that has, as far as it can: `async_client` and
`sync_client`, which make a client for so many connections (None for its own default);
and what does one call with a client and returns how many characters it saw:
`stream_async`, `stream_sync`, `create_async`, `create_sync`, `tools_async`,
`final_async`. `turns_async` returns a coroutine function that asks the given question
after the given messages, and returns how many characters it saw; `planner` returns a
function that cuts messages to half the size of the given ones. What a module lacks is a
"-" in the table.
"""

# The name of the contender, its module's name, to what has to be imported.
CONTENDERS = {
    "httpx": "import httpx, orjson",
    "aiohttp": "import aiohttp, orjson",
    "asi1": "from asi1 import ASI1, AsyncASI1",
    "openai": "from openai import AsyncOpenAI, OpenAI",
    "groq": "from groq import AsyncGroq, Groq",
    "mistralai": "from mistralai.client import Mistral",
    "litellm": "from litellm import acompletion, completion",
    "asi1_uvloop": "import asi1, uvloop",
    "asi1_aiohttp": "import asi1, httpx_aiohttp",
}
# What asi1 can be made faster with; only measured when it is named.
VARIANTS = ("asi1_uvloop", "asi1_aiohttp")
FLOORS = ("httpx", "aiohttp")
# Seconds, for clients with so many connections: some cannot open a thousand in the five
# that are their default, and what is asked is what it costs, not whether.
PATIENT = 120

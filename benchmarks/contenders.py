"""
What is measured: functions that stream one answer and count its chunks.

Run as ``python -m benchmarks.contenders NAME URL``: streams once to warm up, then once
more, and prints the CPU seconds of the second time and the chunks it had.
"""

import asyncio
import sys
import time

import httpx
import orjson

from asi1 import ASI1, AsyncASI1


MESSAGES = [{"role": "user", "content": "Count."}]


def timed(stream):
    """Call *stream* twice; return the second call's CPU seconds, and its result."""
    stream()
    began = time.process_time()
    chunks = stream()
    return time.process_time() - began, chunks


async def timed_async(stream):
    """Same as `timed`, for a coroutine function."""
    await stream()
    began = time.process_time()
    chunks = await stream()
    return time.process_time() - began, chunks


def floor(url):
    """Stream by httpx and orjson, by hand."""

    async def main():
        async with httpx.AsyncClient() as client:

            async def stream():
                chunks = 0
                body = {"model": "asi1-mini", "messages": MESSAGES, "stream": True}
                path = f"{url}/chat/completions"
                async with client.stream("POST", path, json=body) as response:
                    async for line in response.aiter_lines():
                        if line.startswith("data: ") and line != "data: [DONE]":
                            chunk = orjson.loads(line[6:])
                            chunks += chunk["choices"][0]["delta"]["content"] != ""
                return chunks

            return await timed_async(stream)

    return asyncio.run(main())


def asi1_async(url):
    """Stream by `AsyncASI1`."""

    async def main():
        async with AsyncASI1("bench", url) as client:

            async def stream():
                chunks = 0
                async with client.chat.completions.stream(messages=MESSAGES) as opened:
                    async for chunk in opened:
                        chunks += chunk.text != ""
                return chunks

            return await timed_async(stream)

    return asyncio.run(main())


def asi1_sync(url):
    """Stream by `ASI1`."""
    with ASI1("bench", url) as client:

        def stream():
            chunks = 0
            with client.chat.completions.stream(messages=MESSAGES) as opened:
                for chunk in opened:
                    chunks += chunk.text != ""
            return chunks

        return timed(stream)


CONTENDERS = {"floor": floor, "asi1 async": asi1_async, "asi1 sync": asi1_sync}


if __name__ == "__main__":
    seconds, count = CONTENDERS[sys.argv[1]](sys.argv[2])
    print(seconds, count)

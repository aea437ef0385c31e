"""
The server, which does as little work as possible, so that the client is the bottleneck.

``python -m benchmarks.server`` prints its URL and serves until its standard input ends.
The bytes of an answer are made once.
"""

import asyncio
import functools
import re
import sys

from . import wire
from .limits import raise_open_files


WRITE = 64 * 1024
# Seconds between two chunks of a stream, by the kind of its answer.
PACES = {"paced": 0.010, "slow": 0.5}
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: %s\r\n%s\r\n\r\n"
MODEL = re.compile(rb'"model"\s*:\s*"([^"]+)"')
LENGTH = re.compile(rb"\r\ncontent-length:\s*(\d+)", re.IGNORECASE)


def framed(data):
    """Return data as one HTTP chunk."""
    return b"%x\r\n%s\r\n" % (len(data), data)


@functools.lru_cache(maxsize=32)
def pieces(spec):
    """Return the pieces of one answer; each is one write."""
    if wire.split(spec)[0] in wire.WHOLE:
        body = wire.whole(spec)
        length = b"content-length: %d" % len(body)
        return [HEAD % (b"application/json", length) + body]
    head = HEAD % (b"text/event-stream", b"transfer-encoding: chunked")
    events = wire.events(spec)
    if wire.split(spec)[0] in ("single", *PACES):
        return [head, *map(framed, events), framed(b"")]
    if wire.split(spec)[0] == "burst":  # an HTTP chunk for each event, but one write
        return [head + b"".join(map(framed, events)) + framed(b"")]
    body = b"".join(events)
    cut = [body[at : at + WRITE] for at in range(0, len(body), WRITE)]
    return [head + b"".join(map(framed, cut)) + framed(b"")]


async def answer(writer, spec):
    """Write one answer, at full speed, or with pauses if it is paced."""
    pace = PACES.get(wire.split(spec)[0], 0)
    loop = asyncio.get_running_loop()
    due = loop.time()
    for piece in pieces(spec):
        writer.write(piece)
        # With a buffer limit of 0 this waits until the kernel has taken all bytes, so
        # that each piece is a separate write.
        await writer.drain()
        if pace:
            due += pace
            await asyncio.sleep(max(0, due - loop.time()))


async def serve(reader, writer):
    """Answer the requests of one connection."""
    writer.transport.set_write_buffer_limits(0)
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            size = LENGTH.search(head)
            body = await reader.readexactly(int(size[1]) if size else 0)
            named = MODEL.search(body[:200]) or MODEL.search(body)
            spec = named[1].decode()
            if spec == "call" and b'"tool_call_id"' in body:  # the tool's result
                spec = "small"
            await answer(writer, spec)
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def main():
    """Serve until standard input ends."""
    raise_open_files()
    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=2048)
    port = server.sockets[0].getsockname()[1]
    print(f"http://127.0.0.1:{port}", flush=True)
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main())

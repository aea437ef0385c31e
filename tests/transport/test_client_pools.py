"""A client with several connection pools closes their idle connections."""

import re

import anyio
import pytest

from anyio.streams.buffered import BufferedByteReceiveStream

from asi1 import AsyncASI1, Limits

from ..support.talk import until


class BurstServer:
    """A server that sends no reply until *count* requests have arrived."""

    BODY = b'{"choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}]}'
    REPLY = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
    REPLY += b"content-length: %d\r\n\r\n%s" % (len(BODY), BODY)

    def __init__(self, count):
        self.count = count
        self.came = 0
        self.open = self.opened = 0  # numbers of connections
        self.all = anyio.Event()

    async def serve(self, *, task_status):
        """Serve on a free port; pass the server's URL to `task_status.started`."""
        listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
        address = listener.extra(anyio.abc.SocketAttribute.local_address)
        async with listener:
            task_status.started(f"http://127.0.0.1:{address[1]}")
            await listener.serve(self.answer)

    async def answer(self, stream):
        """Reply to each request, but not before *count* requests arrived in all."""
        self.open += 1
        self.opened += 1
        try:
            async with stream:
                buffered = BufferedByteReceiveStream(stream)
                while True:
                    head = await buffered.receive_until(b"\r\n\r\n", 65536)
                    length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
                    await buffered.receive_exactly(int(length[1]))
                    self.came += 1
                    if self.came == self.count:
                        self.all.set()
                    await self.all.wait()
                    await stream.send(self.REPLY)
        except (anyio.IncompleteRead, anyio.BrokenResourceError):
            pass
        finally:
            self.open -= 1


@pytest.mark.system
async def test_idle_connections_of_all_pools_are_closed_after_keepalive_expiry():
    """
    A burst of calls opens connections in several pools of a client. After
    `Limits.keepalive_expiry`, the idle ones are closed in all pools.
    """
    server, limits = BurstServer(40), Limits(keepalive_expiry=0.2)

    async with anyio.create_task_group() as serving:
        url = await serving.start(server.serve)
        async with AsyncASI1("k", url, limits=limits, timeout=None) as client:
            async with anyio.create_task_group() as group:
                for _ in range(40):
                    group.start_soon(
                        lambda: client.chat.completions.create(messages="Hi")
                    )
            assert 40 == server.came == server.opened
            await anyio.sleep(0.3)
            await client.chat.completions.create(messages="Hi")

            await until(lambda: server.open <= 1, seconds=30)
        serving.cancel_scope.cancel()

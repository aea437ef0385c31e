"""
The server: streams an answer of as many chunks as asked for, at full speed.

Run as ``python -m benchmarks.server CHUNKS``: prints its URL, and serves until its
standard input ends.
"""

import json
import sys

from asi1.testing import FakeASI1


def body(chunks):
    """Return a stream of *chunks* pieces of text in the shape of the captured one."""
    events = [chunk({"content": f" word {number}"}) for number in range(chunks)]
    usage = {
        "prompt_tokens": 1,
        "completion_tokens": chunks,
        "total_tokens": chunks + 1,
    }
    end = chunk({"role": "assistant", "content": ""}, finish="stop", usage=usage)
    return "".join([*events, end, "data: [DONE]\n\n"]).encode()


def chunk(delta, finish=None, **more):
    """Return one event."""
    choice = {
        "index": 0,
        "finish_reason": finish,
        "delta": delta,
        "stop_reason": finish,
    }
    value = {
        "id": "id_bench",
        "model": "asi1-mini",
        "created": 1740580071837,
        "conversation_id": None,
        "tool_thought": [],
        "choices": [choice],
        **more,
    }
    return f"data: {json.dumps(value)}\n\n"


if __name__ == "__main__":
    with FakeASI1() as fake:
        fake.stream_of(body(int(sys.argv[1])), times=None)
        print(fake.base_url, flush=True)
        sys.stdin.read()

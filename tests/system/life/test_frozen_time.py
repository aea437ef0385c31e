"""Blocking calls in programs whose tests have stopped Python's clocks."""

from __future__ import annotations

import importlib.util

from textwrap import dedent

import pytest

from .programs import run


WAYS = {
    "replaced": ("", "time.monotonic = time.time = time.perf_counter = lambda: 1e9"),
    "freezegun": (
        "import freezegun",
        "freezegun.freeze_time('2020-01-01').start()",
    ),
    "time_machine": (
        "import time_machine",
        "time_machine.travel(0.0, tick=False).start()",
    ),
}


@pytest.mark.parametrize("first", ["before", "after"])
@pytest.mark.parametrize("way", WAYS)
def test_blocking_calls_keep_real_time_while_the_programs_clocks_are_frozen(
    fake, way, first
):
    """
    While a program's clocks are frozen, blocking calls still wait before retries, time
    out, and obey rate limits. This holds whether the first call was made before or
    after the clocks were frozen.
    """
    if way != "replaced" and importlib.util.find_spec(way) is None:
        pytest.skip(f"{way} is not installed")
    library, freeze = WAYS[way]
    fake.reply("Fine.", times=2)
    fake.fail(429, retry_after=0.1)
    fake.reply("Fine.")
    fake.fault("stall_before_headers", times=None)
    limited = "asi1.RateLimit(requests_per_minute=6000)"
    warm = 'client.chat.completions.create(messages="Hi")'
    script = f"""
    {library}
    client = asi1.ASI1("k", url, rate_limit={limited})
    {warm if first == "before" else ""}
    {freeze}
    {warm if first == "after" else ""}
    print(client.chat.completions.create(messages="Hi").text)
    print(client.chat.completions.create(messages="Hi").text)
    try:
        client.chat.completions.create(messages="Hi", timeout=0.5)
    except asi1.APITimeoutError as error:
        print(error.phase)
    os._exit(0)
    """.replace("os._exit(0)", "sys.stdout.flush(); os._exit(0)")

    assert (0, "Fine.\nFine.\ntotal\n", "") == run(fake, dedent(script))

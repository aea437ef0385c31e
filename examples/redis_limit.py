"""
Several processes share one rate limit through a Redis server; start it twice:

    export ASI_ONE_API_KEY=...
    python examples/redis_limit.py redis://127.0.0.1:6379/0 "Why is the sky blue?"

Needs redis: pip install '.[redis]'.
"""

from __future__ import annotations

import sys

from asi1 import ASI1, ConfigurationError, RateLimit


try:
    from asi1.integrations.redis import RedisLimiter
except ImportError as missing:
    sys.exit(str(missing))


def main(url: str, prompts: list[str]) -> None:
    """Ask as fast as the common limit permits; print the answers in order."""
    limit = RateLimit(requests_per_minute=60, tokens_per_minute=100_000)
    try:
        limiter = RedisLimiter(url, limit, key="example")
        with ASI1(rate_limit=limiter) as client:
            for answer in client.chat.completions.map(prompts):
                print(answer.text)
    except ConfigurationError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:] or ["Why is the sky blue?"])

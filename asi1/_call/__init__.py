"""
One API call from start to end: attempts, timeouts, rate limits, the call's task and
queue. The public classes are in `_client` and `_blocking`.
"""

__all__: list[str] = []

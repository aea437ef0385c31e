"""
One call from start to end: attempts, timeouts, rate limits, its task and queue.
Not what users see of it: that is in `_client`.
"""

__all__: list[str] = []

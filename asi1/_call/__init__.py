"""
One call from start to end: attempts, timeouts, rate limits, its task and queue.
The classes that users see are in `_client`.
"""

__all__: list[str] = []

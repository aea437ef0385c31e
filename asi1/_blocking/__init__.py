"""
`ASI1`: the async client, driven from other threads on one event-loop thread.
Nothing here decides: what is not about threads belongs in `_client`.
"""

__all__: list[str] = []

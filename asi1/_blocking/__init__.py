"""
`ASI1`, the blocking client: it runs the async client's code on one event-loop thread.
Code that is not about threads belongs in `_client`.
"""

__all__: list[str] = []

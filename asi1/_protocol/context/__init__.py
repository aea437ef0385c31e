"""
Which part of a long conversation a request holds, and the history itself.
Not the calls that a turn makes: those are in `_client/conversation`.
"""

__all__: list[str] = []

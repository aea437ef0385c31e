"""
The history of a conversation, and the choice of the part that a request contains.
This package makes no calls; `_client/conversation` makes the calls of a turn.
"""

__all__: list[str] = []

"""
The history of a conversation, and which part of it a request contains.
The calls of a turn are made in `_client/conversation`.
"""

__all__: list[str] = []

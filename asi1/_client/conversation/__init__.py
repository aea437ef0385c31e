"""
A conversation: its turns, and the calls that each turn makes.
Which part of the history a request contains is decided in `_protocol/context`.
"""

__all__: list[str] = []

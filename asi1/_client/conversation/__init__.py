"""
A conversation: its turns, and the calls that each of them makes.
Not what of its history a request holds: that is in `_protocol/context`.
"""

__all__: list[str] = []

"""
What a user sets up once, or passes with one call, checked when it is given.
Not what follows from it: that is decided in `_protocol` and done in `_call`.
"""

__all__: list[str] = []

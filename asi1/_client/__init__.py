"""
`AsyncASI1` and the public objects that it returns.
The code that makes a call is in `_call`.
"""

__all__: list[str] = []

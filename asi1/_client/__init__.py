"""
`AsyncASI1` and the public objects that it returns.
How a call is made is in `_call`.
"""

__all__: list[str] = []

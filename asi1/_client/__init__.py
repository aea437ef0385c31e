"""
`AsyncASI1` and what hangs below it, as users see it.
Not how a call is made: that is in `_call`.
"""

__all__: list[str] = []

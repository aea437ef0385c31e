"""
The settings of a client and the options of a call, and the checks of both.
They take effect in `_protocol` and `_call`.
"""

__all__: list[str] = []

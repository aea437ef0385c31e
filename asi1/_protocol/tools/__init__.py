"""
Functions that the model may call: their schemas, and which calls may run. Nothing here
runs a function: that is done in `_call`.
"""

__all__: list[str] = []

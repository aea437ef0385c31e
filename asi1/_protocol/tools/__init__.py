"""
Functions that the model may call: their schemas, and which calls may run. The functions
themselves are run in `_call`.
"""

__all__: list[str] = []

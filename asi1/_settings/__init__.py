"""
The settings of a client and the options of a call, with the checks of their values.
`_protocol` and `_call` use the settings and the options.
"""

__all__: list[str] = []

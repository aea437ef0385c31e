"""
The faults of the fake server: one module for each subject, with a tuple FAULTS.

`_server` and `_transport` carry out the plan of a fault; no code for that belongs here.
"""

__all__: list[str] = []

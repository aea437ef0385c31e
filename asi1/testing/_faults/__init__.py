"""
The faults that the fake server can make: one module for each subject, with its FAULTS.
How a fault is played does not belong here, but in `_server` and `_transport`.
"""

__all__: list[str] = []

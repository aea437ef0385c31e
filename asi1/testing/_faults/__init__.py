"""
The faults of the fake server: one module for each subject, with a tuple FAULTS.

`_server` and `_transport` carry out the plan of a fault; these modules only make plans.
"""

__all__: list[str] = []

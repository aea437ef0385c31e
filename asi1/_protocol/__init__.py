"""
Requests out, replies and events in: decisions without I/O, clock or jitter.
What such code needs to know of time or chance comes in as an argument.
"""

__all__: list[str] = []

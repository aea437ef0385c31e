"""
Builds requests and reads replies and events, without I/O, clock or random numbers.
A function that needs the time or a random number gets it as an argument.
"""

__all__: list[str] = []

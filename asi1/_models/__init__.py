"""
Messages, answers and errors as plain data classes; functions that read and write JSON.
Nothing in this package does I/O, waits, or uses a client.
"""

__all__: list[str] = []

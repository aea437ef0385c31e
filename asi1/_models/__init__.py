"""
The messages, answers and errors, as plain data classes; and the reading and writing of
JSON. Nothing in this package does I/O, waits, or uses a client.
"""

__all__: list[str] = []

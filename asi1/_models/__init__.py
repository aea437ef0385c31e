"""
Messages, answers and errors: plain data classes, and the JSON they come from.
Nothing here does I/O, waits, or uses a client.
"""

__all__: list[str] = []

"""
What the API says, what it is told, and what goes wrong: plain data.
Nothing here decides, waits or knows a client.
"""

__all__: list[str] = []

"""
Sends bytes to a server and receives its bytes, with httpx, sockets and event loops.

These modules do not depend on the chat API.
"""

__all__: list[str] = []

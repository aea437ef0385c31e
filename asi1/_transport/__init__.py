"""
The event loop, sockets and httpx: sends bytes to a server, and receives its bytes.

These modules do not depend on the chat API.
"""

__all__: list[str] = []

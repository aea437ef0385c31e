"""
The event loop, sockets and httpx: bytes to a server and back.

Nothing here knows the API of chats.
"""

__all__: list[str] = []

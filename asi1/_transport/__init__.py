"""
The event loop, sockets and httpx: bytes to a server and back.
Nothing here knows what a chat is.
"""

__all__: list[str] = []

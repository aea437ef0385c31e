"""A batch without its I/O: request lines, output rows, what is sent again."""

__all__: list[str] = []

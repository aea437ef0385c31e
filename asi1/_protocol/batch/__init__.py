"""The decisions of a batch, without I/O: request lines, output rows, what to resend."""

__all__: list[str] = []

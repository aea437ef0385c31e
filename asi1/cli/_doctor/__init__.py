"""``asi1 doctor``: finds out why calls fail, step by step."""

__all__: list[str] = []

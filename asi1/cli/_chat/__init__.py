"""``asi1 chat``: a conversation in the terminal. Needs the extra ``asi1[cli]``."""

__all__: list[str] = []

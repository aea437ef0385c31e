"""Runs a batch: reads requests from a file, appends answers to another."""

__all__: list[str] = []

"""Runs a batch: reads requests from one file, and appends answers to another."""

__all__: list[str] = []

"""Turns Python types into JSON Schemas, and JSON values into values of these types."""

__all__: list[str] = []

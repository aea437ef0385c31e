"""Python types as JSON Schemas, and JSON values of these types. Does no I/O."""

__all__: list[str] = []

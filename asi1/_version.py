"""The package's version; a test asserts that it equals that in pyproject.toml."""

__all__ = ["__version__"]

__version__ = "0.1.0"

"""The version, as in pyproject.toml; a test holds the two equal."""

__all__ = ["__version__"]

__version__ = "0.1.0"

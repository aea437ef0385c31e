"""
Checks an answer against the JSON Schema in a file, with the library jsonschema.

No schema is fetched from the network: a ``$ref`` can only refer to the same file.
"""

from __future__ import annotations

import importlib

from typing import Any

import asi1

from .._install import install_hint


__all__ = ["Schema"]

_MOST = 4 * 1024 * 1024  # maximum bytes of a schema file


class Schema:
    """
    The JSON Schema in a file.

    Args:
        path: The file.

    Attributes:
        value: The schema as JSON data.

    Raises:
        asi1.ConfigurationError: jsonschema is not installed, or the file is not a JSON
            Schema.
    """

    def __init__(self, path: str) -> None:
        try:
            self._library: Any = importlib.import_module("jsonschema")
            registry = importlib.import_module("referencing").Registry()
        except ImportError:
            raise asi1.ConfigurationError(
                f"asi1 ask --schema needs jsonschema: {install_hint('cli')}"
            ) from None
        self.value = _read(path)
        kind = self._library.validators.validator_for(
            self.value, default=self._library.Draft202012Validator
        )
        try:
            kind.check_schema(self.value)
        except self._library.SchemaError as error:
            raise asi1.ConfigurationError(
                f"the schema {path} is not valid: {error.message}"
            ) from None
        self._validator = kind(self.value, registry=registry)

    def check(self, answer: asi1.ParsedCompletion[Any]) -> None:
        """
        Check the value of an answer.

        Raises:
            asi1.OutputInvalidError: The value does not fit the schema.
        """
        errors = self._validator.iter_errors(answer.parsed)
        try:
            wrong = self._library.exceptions.best_match(errors)
        except importlib.import_module("referencing").exceptions.Unresolvable as error:
            raise asi1.ConfigurationError(
                f"the schema refers to {error.ref}, which is not in the file"
            ) from None
        if wrong is not None:
            raise asi1.OutputInvalidError(
                f"the answer does not fit the schema: {wrong.json_path}:"
                f" {wrong.message:.500}",
                text=answer.text,
                completion=answer,
                path=wrong.json_path,
                expected=wrong.message,
            )


def _read(path: str) -> dict[str, Any]:
    from .._files import read_file  # noqa: PLC0415 - only for schemas
    from .._models.json_text import load_json  # noqa: PLC0415

    try:
        value = load_json(read_file(path, _MOST + 1).removeprefix(b"\xef\xbb\xbf"))
    except OSError as error:
        raise asi1.ConfigurationError(
            f"the schema {path} cannot be read: {error.strerror}"
        ) from None
    except ValueError as error:
        raise asi1.ConfigurationError(
            f"the schema {path} is not valid JSON: {error}"
        ) from None
    if not isinstance(value, dict):
        raise asi1.ConfigurationError(f"the schema {path} is not a JSON object")
    return value

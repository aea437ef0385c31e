"""The options that several commands share: which server and model answer, and how."""

from __future__ import annotations

from argparse import ArgumentParser


__all__ = ["ENVIRONMENT", "add_call_options", "add_server_options"]

# The help text about environment variables that decide which server answers.
ENVIRONMENT = """\
environment:
  ASI_ONE_API_KEY, ASI1_API_KEY    your API key; the first one that is set is used
  ASI1_BASE_URL, ASI_ONE_BASE_URL  the server, if not https://api.asi1.ai/v1
"""


def add_call_options(parser: ArgumentParser) -> None:
    """Add the options of a command that calls the model."""
    add = parser.add_argument
    add("--system", metavar="TEXT", help="the system message")
    add("--model", metavar="NAME", help="the model; asi1-mini by default")
    add(
        "--temperature",
        type=float,
        metavar="N",
        help="from 0 to 2; higher is more random",
    )
    add("--max-tokens", type=int, metavar="N", help="limit of the answer, in tokens")
    add_server_options(parser)


def add_server_options(parser: ArgumentParser) -> None:
    """Add the options that decide which server answers."""
    add = parser.add_argument
    add("--base-url", metavar="URL", help="the server; overrides ASI1_BASE_URL")
    add(
        "--key-env",
        metavar="NAME",
        help="the environment variable with the API key, if not ASI_ONE_API_KEY",
    )

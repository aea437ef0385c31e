"""The options that several commands have: which server and model answer, and how."""

from __future__ import annotations

from argparse import ArgumentParser


__all__ = ["add_call_options"]


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
    add("--base-url", metavar="URL", help="the server; overrides ASI1_BASE_URL")
    add(
        "--key-env",
        metavar="NAME",
        help="the environment variable with the API key, if not ASI_ONE_API_KEY",
    )

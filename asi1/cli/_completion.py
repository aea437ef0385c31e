"""
``asi1 completion SHELL``: prints a script that completes the words of ``asi1``.

The script calls ``asi1`` itself, which answers through the library argcomplete.
"""

from __future__ import annotations

import os
import sys

from argparse import ArgumentParser, Namespace
from typing import Any

import asi1

from .._install import install_hint
from ._terminal import Screen


__all__ = ["add_completion", "complete"]

_ABOUT = """\
Print a script for a shell, with which the Tab key completes commands, options and
files. Load it in the shell's start-up file:

  bash   eval "$(asi1 completion bash)"      in ~/.bashrc
  zsh    eval "$(asi1 completion zsh)"       in ~/.zshrc, after compinit
  fish   asi1 completion fish | source       in ~/.config/fish/config.fish
"""


def add_completion(commands: Any) -> None:
    """Add the command ``completion`` to a parser's *commands*."""
    parser = commands.add_parser(
        "completion",
        help="complete the words of this command with the Tab key",
        description=_ABOUT,
    )
    parser.add_argument("shell", choices=["bash", "zsh", "fish"], help="the shell")
    parser.set_defaults(run=_print_script)


def complete(parser: ArgumentParser) -> None:
    """If a shell has called ``asi1`` to complete a line, complete it, and exit."""
    if "_ARGCOMPLETE" not in os.environ:
        return
    try:
        import argcomplete  # noqa: PLC0415 - only for a shell
    except ImportError:
        sys.exit(1)
    argcomplete.autocomplete(parser, always_complete_options="long")


def _print_script(options: Namespace) -> None:
    try:
        from argcomplete.shell_integration import shellcode  # noqa: PLC0415
    except ImportError:
        raise asi1.ConfigurationError(
            f"asi1 completion needs argcomplete: {install_hint('cli')}"
        ) from None
    script: str = shellcode(["asi1"], shell=options.shell)
    Screen(sys.stdout, os.environ).write(script.rstrip("\n") + "\n")

"""A private Redis server for tests, and programs that share a limit through it."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import time

from contextlib import suppress
from pathlib import Path

import pytest

from attrs import define, field


BINARY = shutil.which("redis-server")


@define
class RedisServer:
    """
    A Redis server on a free port of 127.0.0.1, which forgets everything when it ends.

    Attributes:
        folder: The server's working folder.
        options: Additional options of the server.
    """

    folder: Path
    options: tuple[str, ...] = ()
    port: int = field(init=False)
    process: subprocess.Popen | None = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> RedisServer:
        if BINARY is None:
            pytest.skip("redis-server is not installed")
        wanted = f"--port {self.port} --bind 127.0.0.1 --appendonly no --dir"
        self.process = subprocess.Popen(
            [BINARY, *wanted.split(), self.folder, "--save", "", *self.options],
            stdout=subprocess.DEVNULL,
        )
        while self.process.poll() is None:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
                return self
            time.sleep(0.02)
        raise AssertionError("redis-server did not start")

    def send(self, signal_number: int) -> None:
        self.process.send_signal(signal_number)

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def pause(self) -> None:
        self.send(signal.SIGSTOP)

    def go_on(self) -> None:
        self.send(signal.SIGCONT)


def most_in_a_window(events, seconds):
    """
    Return the largest sum of amounts in any window of *seconds* seconds, from a list of
    pairs of a time and an amount.
    """
    events, most, total, first = sorted(events), 0, 0, 0
    for at, amount in events:
        total += amount
        while events[first][0] < at - seconds:
            total -= events[first][1]
            first += 1
        most = max(most, total)
    return most

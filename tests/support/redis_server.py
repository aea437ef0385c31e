"""A private Redis server for tests, and programs that share a limit through it."""

from __future__ import annotations

import re
import shutil
import signal
import socket
import subprocess
import threading
import time

from contextlib import suppress
from pathlib import Path
from typing import Self

import pytest

from attrs import define, field


PERMITTED = re.compile(r'"zadd" "[^"]+:minute" "(\d+)" "([^"]+)"', re.IGNORECASE)
UNDONE = re.compile(r'"zrem" "[^"]+:minute" "([^"]+)"', re.IGNORECASE)
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


class Watched:
    """
    Watches, through the server's MONITOR command, which attempts Redis permits.

    Attributes:
        permits: For each permit that was not given back: its id, and its time in
            seconds.
    """

    def __init__(self, server: RedisServer) -> None:
        self.permits: dict[str, float] = {}
        self._server, self._over = server, threading.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.is_set():
            with (
                suppress(OSError),
                socket.create_connection(("127.0.0.1", self._server.port)) as link,
            ):
                link.sendall(b"MONITOR\r\n")
                link.settimeout(0.2)
                self._read(link)
            time.sleep(0.001)

    def _read(self, link: socket.socket) -> None:
        left = b""
        while True:
            try:
                chunk = link.recv(1 << 16)
            except TimeoutError:
                if self._over.is_set():
                    return
                continue
            if not chunk:
                return
            self._ready.set()
            *lines, left = (left + chunk).split(b"\n")
            for line in lines:
                self._learn(line.decode())

    def _learn(self, line: str) -> None:
        if at := PERMITTED.search(line):
            self.permits[at[2]] = int(at[1]) / 1e6
        elif gone := UNDONE.search(line):
            self.permits.pop(gone[1], None)


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

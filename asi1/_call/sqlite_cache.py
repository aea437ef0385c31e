"""
`SQLiteCache`: a cache of answers in one file, for all threads and processes.

SQLite blocks, so its work runs in worker threads. A connection must not be used after a
fork, so each process opens its own.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import anyio.to_thread

from .._models.base_types import public
from .._models.errors import ASI1Error, ConfigurationError
from .._settings.validators import is_number, shown, whole_number


__all__ = ["SQLiteCache"]

_T = TypeVar("_T")

# "ASI1" in ASCII: marks a database as a cache of asi1, which writes to no other
# database.
_APPLICATION = 0x41534931
_VERSION = 1
# Milliseconds to wait for another process that is writing.
_BUSY = 1000
_SMALLEST = 1024 * 1024
_SCHEMA = """
CREATE TABLE IF NOT EXISTS answers (
    key TEXT PRIMARY KEY, stored REAL NOT NULL, value BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS answers_stored ON answers (stored);
"""
# Removes the oldest tenth of the answers, but at least one.
_REMOVE_OLDEST = """
DELETE FROM answers WHERE key IN (
    SELECT key FROM answers ORDER BY stored
    LIMIT max(1, (SELECT count(*) FROM answers) / 10)
)
"""

# Connections that a fork copied from the parent process. The list keeps them alive,
# since closing them would change files that the parent process still uses.
_inherited: list[object] = []


class _Connection:
    """The open file of one process, and a lock for its threads."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.lock = threading.Lock()
        self.database: sqlite3.Connection | None = None


@public
class SQLiteCache:
    """
    A cache of answers in a SQLite file, for ``cache=``.

    Threads, event loops, clients and processes on one machine may share the file; it
    must not be on a network drive. The first use creates the file, readable only for
    its user (mode 0600), and its folder. It contains the answers as plain text, but
    neither the requests nor the API key.

    A file that is not a cache of this version of asi1 is left as it is, and not used.

    Args:
        path: The file.
        max_age: Seconds for which an answer is used; None for no limit.
        max_bytes: Size of the file's content above which the oldest answers are
            removed; at least 1 MiB.

    Raises:
        ConfigurationError: An argument is wrong.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        max_age: float | None = None,
        max_bytes: int = 256 * 1024 * 1024,
    ) -> None:
        given: object = path
        if not isinstance(given, str | os.PathLike) or not os.fspath(given):
            raise ConfigurationError("path: must be the path of a file")
        if max_age is not None and not (is_number(max_age) and max_age > 0):
            raise ConfigurationError(
                f"max_age: must be a number of seconds above 0, not {shown(max_age)}"
            )
        if problem := whole_number(_SMALLEST)(max_bytes):
            raise ConfigurationError(f"max_bytes: {problem}, not {shown(max_bytes)}")
        # An absolute path, since the program may change its working directory.
        self._path = Path(path).absolute()
        self._max_age = max_age
        self._max_bytes = max_bytes
        self._file = _Connection()

    def __repr__(self) -> str:
        return f"SQLiteCache({str(self._path)!r})"

    def __reduce__(self) -> tuple[Callable[..., SQLiteCache], tuple[object, ...]]:
        return _cache_of, (str(self._path), self._max_age, self._max_bytes)

    async def get(self, key: str) -> bytes | None:
        """Return the bytes stored under *key*; None if they are missing or too old."""
        return await self._in_thread(lambda: self._run(lambda db: self._read(db, key)))

    async def set(self, key: str, value: bytes) -> None:
        """Store *value* under *key*, in place of an earlier value."""
        await self._in_thread(lambda: self._run(lambda db: self._write(db, key, value)))

    def clear(self) -> None:
        """
        Remove all answers, also from the disk; blocks.

        Raises:
            ASI1Error: The file cannot be changed.
        """
        try:
            self._run(_clear)
        except (sqlite3.Error, OSError) as error:
            raise ASI1Error(f"{self._path}: cannot be cleared ({error})") from None

    def close(self) -> None:
        """Close the file; the next use opens it again. May be called twice."""
        connection = self._file
        if connection.pid == os.getpid():
            with connection.lock:
                _close(connection)

    def __del__(self) -> None:
        connection: _Connection | None = getattr(self, "_file", None)
        if connection is None or connection.database is None:
            return
        if connection.pid != os.getpid():
            _inherited.append(connection.database)
        else:
            _close(connection)

    @staticmethod
    async def _in_thread(work: Callable[[], _T]) -> _T:
        try:
            # A call that is cancelled does not wait for a file that is locked.
            return await anyio.to_thread.run_sync(work, abandon_on_cancel=True)
        except RuntimeError:  # Python is exiting (3.12+), or has too many threads
            return work()

    def _run(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        """Return the result of *work* on the open database."""
        connection = self._file
        if connection.pid != os.getpid():
            # Replaced with its lock, which a thread of the parent process may have held
            # during the fork.
            _inherited.append(connection.database)
            connection = self._file = _Connection()
        with connection.lock:
            try:
                if connection.database is None:
                    connection.database = _open(self._path)
                return work(connection.database)
            except sqlite3.Error:
                # The file may have been replaced, so the next use opens it again.
                _close(connection)
                raise

    def _read(self, database: sqlite3.Connection, key: str) -> bytes | None:
        found = database.execute(
            "SELECT value, stored FROM answers WHERE key = ?", (key,)
        ).fetchone()
        if found is None:
            return None
        value, stored = found
        age = time.time() - stored
        return value if self._max_age is None or age <= self._max_age else None

    def _write(self, database: sqlite3.Connection, key: str, value: bytes) -> None:
        if len(value) > self._max_bytes // 2:
            return
        row = (key, time.time(), value)
        database.execute("INSERT OR REPLACE INTO answers VALUES (?, ?, ?)", row)
        while _size(database) > self._max_bytes:
            if database.execute(_REMOVE_OLDEST).rowcount < 1:
                return


def _cache_of(path: str, max_age: float | None, max_bytes: int) -> SQLiteCache:
    return SQLiteCache(path, max_age=max_age, max_bytes=max_bytes)


def _open(path: Path) -> sqlite3.Connection:
    """
    Open the cache's file; create it if it is missing or empty.

    Raises:
        OSError: The file cannot be created.
        sqlite3.Error: The file cannot be opened, or is not a cache of this version.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        # SQLite gives the mode of this file to the files that it creates beside it.
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    database = sqlite3.connect(
        path, timeout=_BUSY / 1000, isolation_level=None, check_same_thread=False
    )
    try:
        if _number(database, "application_id") != _APPLICATION:
            _set_up(database)
        _check_version(database)
        database.execute("PRAGMA synchronous = NORMAL")
    except BaseException:
        database.close()
        raise
    return database


def _set_up(database: sqlite3.Connection) -> None:
    """Make an empty database a cache; raise an error if it is not empty."""
    _check_empty(database)
    # Another process may open the file at the same time. Changing to WAL then fails at
    # once, without a wait; the other process makes the change.
    with suppress(sqlite3.OperationalError):
        database.execute("PRAGMA journal_mode = WAL")
    database.execute("BEGIN IMMEDIATE")
    if _number(database, "application_id") != _APPLICATION:
        _check_empty(database)
        for statement in _SCHEMA.split(";"):
            database.execute(statement)
        database.execute(f"PRAGMA application_id = {_APPLICATION}")
        database.execute(f"PRAGMA user_version = {_VERSION}")
    database.execute("COMMIT")


def _check_empty(database: sqlite3.Connection) -> None:
    known = _number(database, "application_id") == _APPLICATION
    tables = database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if tables and not known:
        raise sqlite3.DatabaseError("the file is a database of another program")


def _check_version(database: sqlite3.Connection) -> None:
    version = _number(database, "user_version")
    if version != _VERSION:
        raise sqlite3.DatabaseError(
            f"the file has version {version} of the format, and this version of asi1"
            f" reads version {_VERSION}"
        )


def _number(database: sqlite3.Connection, pragma: str) -> int:
    value: int = database.execute(f"PRAGMA {pragma}").fetchone()[0]
    return value


def _size(database: sqlite3.Connection) -> int:
    """Return the bytes of the pages in use."""
    used = _number(database, "page_count") - _number(database, "freelist_count")
    return used * _number(database, "page_size")


def _clear(database: sqlite3.Connection) -> None:
    database.execute("DELETE FROM answers")
    database.execute("VACUUM")  # DELETE alone would leave the answers in the file
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _close(connection: _Connection) -> None:
    if connection.database is not None:
        with suppress(sqlite3.Error):
            connection.database.close()
        connection.database = None

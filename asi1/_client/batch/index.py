"""
The index of a batch: one entry for each request of the input.

The index is a temporary database, which moves from memory to a temporary file when it
grows, so that a batch of any size needs little memory.
"""

from __future__ import annotations

import sqlite3

from collections import Counter
from typing import Self

from ..._protocol.batch.resume import Entry, State


__all__ = ["Index"]

_TABLE = """
CREATE TABLE requests (
    key BLOB PRIMARY KEY,
    line INTEGER NOT NULL,
    digest BLOB NOT NULL,
    state INTEGER NOT NULL DEFAULT 0,
    at INTEGER NOT NULL DEFAULT -1,
    changed INTEGER NOT NULL DEFAULT 0,
    error TEXT
) WITHOUT ROWID
"""
_MEMORY = 8 * 1024  # KiB that the database may use before it moves to a file


class Index:
    """
    The entries of a batch by `custom_id_key`; used by one thread at a time.

    All methods raise `sqlite3.Error` if the temporary file cannot be written.
    """

    def __init__(self) -> None:
        """Create an empty index."""
        # SQLite deletes a database without a name when it is closed.
        self._db = sqlite3.connect("", check_same_thread=False, isolation_level=None)
        self._db.execute(f"PRAGMA cache_size = -{_MEMORY}")
        self._db.execute("PRAGMA journal_mode = OFF")
        self._db.execute("PRAGMA synchronous = OFF")
        self._db.execute(_TABLE)
        self._db.execute("BEGIN")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def add(self, key: bytes, digest: str, line: int) -> int | None:
        """
        Add the request on the input's line number *line*, and return None.

        If the index already has a request with *key*, return its line number instead.
        """
        added = self._db.execute(
            "INSERT OR IGNORE INTO requests (key, line, digest) VALUES (?, ?, ?)",
            (key, line, bytes.fromhex(digest)),
        )
        if added.rowcount:
            return None
        earlier: int = self._one("SELECT line FROM requests WHERE key = ?", key)[0]
        return earlier

    def get(self, key: bytes) -> Entry | None:
        """Return the entry of *key*; None if the input has no such request."""
        row = self._db.execute(
            "SELECT digest, state, at, changed FROM requests WHERE key = ?", (key,)
        ).fetchone()
        if row is None:
            return None
        digest, state, at, changed = row
        return Entry(digest.hex(), State(state), at, bool(changed))

    def put(self, key: bytes, entry: Entry, error: str | None) -> None:
        """Store *entry* under *key*; *error*: the class of its row's error, or None."""
        self._db.execute(
            "UPDATE requests SET state = ?, at = ?, changed = ?, error = ?"
            " WHERE key = ?",
            (entry.state, entry.at, entry.changed, error, key),
        )

    def reset(self) -> None:
        """Mark all requests as having no row in the output."""
        self._db.execute(
            "UPDATE requests SET state = 0, at = -1, changed = 0, error = NULL"
        )

    def count(self, state: State) -> int:
        """Return how many requests are in *state*."""
        return self._int("SELECT count(*) FROM requests WHERE state = ?", state)

    def changed(self) -> int:
        """
        Return how many requests have no answer because they were changed: the output
        has only rows of an older request with the same custom id.
        """
        return self._int(
            "SELECT count(*) FROM requests WHERE changed AND state = ?", State.NEW
        )

    def errors(self) -> Counter[str]:
        """Return the number of failures for each error class."""
        query = "SELECT error, count(*) FROM requests WHERE state = ? GROUP BY error"
        return Counter(dict(self._db.execute(query, (State.FAILED,))))

    def _int(self, query: str, value: object) -> int:
        number: int = self._one(query, value)[0]
        return number

    def _one(self, query: str, value: object) -> tuple[int, ...]:
        row: tuple[int, ...] = self._db.execute(query, (value,)).fetchone()
        return row

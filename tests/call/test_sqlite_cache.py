"""`SQLiteCache`: its file, which may be damaged, shared or limited in size."""

import os
import pickle
import sqlite3
import stat
import subprocess
import sys
import threading

from contextlib import closing
from hashlib import sha256

import anyio
import pytest

from freezegun import freeze_time

import asi1

from asi1 import SQLiteCache
from asi1.testing import FakeASI1

from ..support.talk import in_process


KEY, VALUE = "k" * 64, b"value\0\xff"
MIB = 1024 * 1024


@pytest.fixture
def path(tmp_path):
    return tmp_path / "folder" / "answers.sqlite3"


@pytest.fixture
def cache(path):
    with closing(SQLiteCache(path)) as made:
        yield made


async def test_stored_bytes_are_read_by_every_cache_of_the_same_file(cache, path):
    """
    The first use creates the file and its folder. The file keeps the bytes after the
    cache was closed. Only the file's owner can read the file, and the files that SQLite
    keeps beside it.
    """
    assert not path.parent.exists()
    assert await cache.get(KEY) is None
    await cache.set(KEY, b"old")
    await cache.set(KEY, VALUE)
    modes = {stat.S_IMODE(each.stat().st_mode) for each in path.parent.iterdir()}
    found = [await cache.get(KEY)]
    cache.close()
    cache.close()
    with closing(pickle.loads(pickle.dumps(cache))) as other:
        found.append(await other.get(KEY))

    assert [VALUE, VALUE] == found
    assert {0o600} == modes
    assert VALUE == await cache.get(KEY)


async def test_answers_older_than_max_age_are_not_read(path):
    """
    An answer older than ``max_age`` seconds is not read.
    """
    cache, other = SQLiteCache(path, max_age=60), SQLiteCache(path)
    with closing(cache), closing(other), freeze_time("2026-01-01") as clock:
        await cache.set(KEY, VALUE)
        clock.tick(59)
        fresh = await cache.get(KEY)
        clock.tick(2)
        found = [fresh, await cache.get(KEY), await other.get(KEY)]

    assert [VALUE, None, VALUE] == found


async def test_oldest_answers_are_removed_above_the_limit_of_bytes(path):
    """
    If the stored answers exceed ``max_bytes``, the oldest answers are removed. A value
    of more than half the limit is not stored.
    """
    with closing(SQLiteCache(path, max_bytes=MIB)) as cache:
        for number in range(40):
            await cache.set(f"{number:064}", os.urandom(MIB // 16))
        await cache.set(KEY, b"x" * (MIB // 2 + 1))
        held = [n for n in range(40) if await cache.get(f"{n:064}")]

        assert held == list(range(held[0], 40))
        assert 8 < len(held) < 16
        assert await cache.get(KEY) is None


async def test_clear_removes_all_answers_from_the_disk(cache, path):
    """
    After `clear`, the file contains none of the answers, and can be used again.
    """
    secret = b"the otter sleeps at noon"
    await cache.set(KEY, secret * 1000)
    cache.clear()

    assert await cache.get(KEY) is None
    assert not any(secret in each.read_bytes() for each in path.parent.iterdir())
    await cache.set(KEY, VALUE)
    assert VALUE == await cache.get(KEY)


def garbage(path):
    path.write_bytes(b"not a database" * 500)


def other_program(path):
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE mine (a)")


def future_version(path):
    with closing(SQLiteCache(path)) as cache:
        cache.clear()
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA user_version = 99")


def lost_table(path):
    with closing(SQLiteCache(path)) as cache:
        cache.clear()
    with closing(sqlite3.connect(path)) as database:
        database.execute("DROP TABLE answers")


def folder(path):
    path.mkdir()


def digest(path):
    return sha256(path.read_bytes()).hexdigest() if path.is_file() else None


HOSTILE = [garbage, other_program, future_version, lost_table, folder]


@pytest.mark.parametrize("spoil", HOSTILE)
async def test_unusable_cache_file_is_not_changed_and_fails_no_call(tmp_path, spoil):
    """
    A file that is not a cache of this version is not changed. It makes no call fail,
    and is reported once; only `clear` raises.
    """
    path, fake = tmp_path / "answers", FakeASI1()
    spoil(path)
    before = digest(path)
    with closing(SQLiteCache(path)) as cache:
        async with in_process(fake, cache=cache) as client:
            ask = client.chat.completions.create
            with pytest.warns(RuntimeWarning, match="the cache of answers fails"):
                await ask(messages="Hi")
            texts = [(await ask(messages="Hi")).text for _ in range(2)]
        with pytest.raises(asi1.ASI1Error, match="cannot be cleared"):
            cache.clear()

    assert all(texts)
    assert 3 == len(fake.requests)
    assert before == digest(path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
async def test_cache_in_a_read_only_folder_fails_no_call(tmp_path):
    """
    If the cache cannot create its file, no call fails.
    """
    tmp_path.chmod(0o500)
    async with in_process(FakeASI1(), cache=SQLiteCache(tmp_path / "a")) as client:
        with pytest.warns(RuntimeWarning, match="the cache of answers fails"):
            assert (await client.chat.completions.create(messages="Hi")).text


async def test_cache_works_again_when_its_damaged_file_is_removed(cache, path):
    """
    A cache whose file was overwritten with garbage raises an error of SQLite, and works
    again as soon as the file is removed.
    """
    await cache.set(KEY, VALUE)
    cache.close()
    garbage(path)
    with pytest.raises(sqlite3.Error):
        await cache.get(KEY)
    path.unlink()

    assert await cache.get(KEY) is None
    await cache.set(KEY, VALUE)
    assert VALUE == await cache.get(KEY)


@pytest.mark.system
async def test_locked_cache_file_delays_a_call_and_does_not_fail_it(cache, path):
    """
    While another process keeps the file locked, an answer is not cached, and its call
    succeeds.
    """
    await cache.set(KEY, VALUE)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        async with in_process(FakeASI1(), cache=cache) as client:
            with pytest.warns(RuntimeWarning, match="database is locked"):
                assert (await client.chat.completions.create(messages="Hi")).text
        other.execute("ROLLBACK")

    assert VALUE == await cache.get(KEY)


def test_threads_and_event_loops_share_a_cache_object(cache):
    """
    Several threads, each with its own event loop, use one cache at once.
    """
    found = []

    async def use(name):
        for number in range(20):
            await cache.set(f"{name}{number}", name.encode())
            found.append(await cache.get(f"{name}{number}") == name.encode())

    def run(name):
        anyio.run(use, name)

    threads = [threading.Thread(target=run, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [True] * 80 == found


PROGRAM = """
import anyio, os, sys
from asi1 import SQLiteCache

async def main(cache, name):
    for number in range(100):
        await cache.set(f"{name}{number}", name.encode() * 1000)
        assert await cache.get(f"{name}{number}") == name.encode() * 1000

cache = SQLiteCache(sys.argv[1])
name = sys.argv[2]
if name == "fork":
    anyio.run(main, cache, "parent")
    child = os.fork()
    anyio.run(main, cache, "parent" if child else "child")
    if child:
        os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    os._exit(0)
anyio.run(main, cache, name)
cache.close()
"""


@pytest.mark.system
def test_processes_and_forks_share_a_cache_file(path):
    """
    Several processes create, fill and read one file at once, even after a fork.
    """
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", PROGRAM, path]
    names = ["a", "b", *(["fork"] if hasattr(os, "fork") else [])]
    processes = [
        subprocess.Popen([*command, name], stderr=subprocess.PIPE) for name in names
    ]
    errors = [process.communicate(timeout=200)[1] for process in processes]

    assert [(0, b"")] * len(names) == [
        (process.returncode, error)
        for process, error in zip(processes, errors, strict=True)
    ]
    with closing(SQLiteCache(path)) as cache:
        assert b"a" * 1000 == anyio.run(cache.get, "a99")
        assert b"b" * 1000 == anyio.run(cache.get, "b99")
    with closing(sqlite3.connect(path)) as database:
        assert [("ok",)] == database.execute("PRAGMA integrity_check").fetchall()

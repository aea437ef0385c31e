"""`delayed_interrupt`: Ctrl-C while the modules of a command are imported."""

from __future__ import annotations

import signal
import threading

import pytest

from asi1.cli._interrupt import delayed_interrupt


@pytest.fixture
def handler():
    """Return a function that sets the handler of Ctrl-C until the end of the test."""
    before = signal.getsignal(signal.SIGINT)
    yield lambda what: signal.signal(signal.SIGINT, what)
    signal.signal(signal.SIGINT, before)


def test_ctrl_c_in_the_block_is_raised_after_the_block(handler):
    """
    Ctrl-C in a ``with delayed_interrupt()`` block raises KeyboardInterrupt at the end
    of the block; Ctrl-C after the block raises at once.
    """
    handler(signal.default_int_handler)
    done = []

    with pytest.raises(KeyboardInterrupt), delayed_interrupt():
        signal.raise_signal(signal.SIGINT)
        done.append("all of it")

    assert ["all of it"] == done
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_error_in_the_block_is_raised_and_the_handler_restored(handler):
    """
    An exception in a ``with delayed_interrupt()`` block propagates, and the previous
    handler of Ctrl-C is restored.
    """
    handler(signal.default_int_handler)

    with pytest.raises(ZeroDivisionError), delayed_interrupt():
        _ = 1 / 0

    assert signal.default_int_handler is signal.getsignal(signal.SIGINT)


def test_ignored_ctrl_c_stays_ignored(handler):
    """
    If the process ignores Ctrl-C, as under ``nohup``, Ctrl-C stays ignored in a
    ``with delayed_interrupt()`` block.
    """
    handler(signal.SIG_IGN)

    with delayed_interrupt():
        signal.raise_signal(signal.SIGINT)

    assert signal.SIG_IGN == signal.getsignal(signal.SIGINT)


def test_block_in_another_thread_changes_no_handler(handler):
    """
    In a thread other than the main thread, where Python cannot set a signal handler, a
    ``with delayed_interrupt()`` block runs and the handler of Ctrl-C does not change.
    """
    handler(signal.default_int_handler)
    done = []

    def work():
        with delayed_interrupt():
            done.append("all of it")

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()

    assert ["all of it"] == done
    assert signal.default_int_handler is signal.getsignal(signal.SIGINT)

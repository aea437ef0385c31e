"""Ctrl-C while the modules of a command are loaded."""

from __future__ import annotations

import signal
import threading

import pytest

from asi1.cli._interrupt import delayed_interrupt


@pytest.fixture
def handler():
    """Return a function that sets what Ctrl-C does, until the test is over."""
    before = signal.getsignal(signal.SIGINT)
    yield lambda what: signal.signal(signal.SIGINT, what)
    signal.signal(signal.SIGINT, before)


def test_ctrl_c_waits_for_the_end_of_the_block(handler):
    """
    Ctrl-C in the block is a KeyboardInterrupt behind it, and later ones come at once.
    """
    handler(signal.default_int_handler)
    done = []

    with pytest.raises(KeyboardInterrupt), delayed_interrupt():
        signal.raise_signal(signal.SIGINT)
        done.append("all of it")

    assert ["all of it"] == done
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_an_error_in_the_block_goes_first(handler):
    """
    An exception of the block gets out, and Ctrl-C is as it was.
    """
    handler(signal.default_int_handler)

    with pytest.raises(ZeroDivisionError), delayed_interrupt():
        _ = 1 / 0

    assert signal.default_int_handler is signal.getsignal(signal.SIGINT)


def test_who_ignores_ctrl_c_goes_on_to(handler):
    """
    Where Ctrl-C is ignored, as behind ``nohup``, it stays ignored.
    """
    handler(signal.SIG_IGN)

    with delayed_interrupt():
        signal.raise_signal(signal.SIGINT)

    assert signal.SIG_IGN == signal.getsignal(signal.SIGINT)


def test_other_threads_are_let_alone(handler):
    """
    In a thread, which Ctrl-C does not interrupt, the block runs as it is.
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

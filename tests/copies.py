"""Tests of lines that are dear to prepare: each runs in a copy of the process that has one.

A fixture in ``PREPARED`` is made once a process. A test that asks for one is called in a fork: it
has the line as it stands, kernel, drivers, wires, devices and plant, may do anything to it, and
the copy ends with the test. Fixtures of such a test run outside its copy, so they must leave the
line as it is.
"""

from __future__ import annotations

import os
import signal
import warnings

import pytest

PREPARED = frozenset({"idle", "running", "warming", "winding"})


def in_a_copy(test: pytest.Function) -> str:
    """Call a test in a fork; tells how it failed, empty when it passed."""
    read, write = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # threads: the copy uses none
        child = os.fork()
    if child == 0:
        os.close(read)
        _call_and_end(test, write)
    os.close(write)
    try:
        with os.fdopen(read, encoding="utf-8") as pipe:
            told = pipe.read()
    except BaseException:  # the test's time is up
        os.kill(child, signal.SIGKILL)
        raise
    finally:
        _, status = os.waitpid(child, 0)
    return told or (f"the copy ended with status {status}" if status else "")


def _call_and_end(test: pytest.Function, write: int) -> None:
    """Call, tell and end, without a thing that belongs to the process copied."""
    told = ""
    try:
        arguments = test._fixtureinfo.argnames
        test.obj(**{name: test.funcargs[name] for name in arguments})
    except BaseException:  # noqa: BLE001 - told to the other process
        told = str(pytest.ExceptionInfo.from_current().getrepr())
    with os.fdopen(write, "w", encoding="utf-8") as pipe:
        pipe.write(told)
    os._exit(0)

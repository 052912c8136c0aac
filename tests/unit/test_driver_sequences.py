"""State sequences of the drives as pure functions, and small pure pieces."""

import pytest

from drivers.backoff import Backoff
from drivers.instruments.acs380 import next_control_word
from drivers.instruments.atv320 import next_command


@pytest.mark.parametrize(
    ("run", "reset", "status", "word"),
    [
        (False, False, 0x0000, 0x047E),
        (True, False, 0x0000, 0x047E),  # not ready yet: go on asking
        (True, False, 0x0040, 0x047E),  # switch-on inhibited: bit 0 must be 0 first
        (True, False, 0x0041, 0x047E),
        (True, False, 0x0231, 0x047F),  # ready to switch on
        (True, False, 0x1337, 0x047F),  # operating
        (False, False, 0x1337, 0x047E),  # ramp stop
        (True, False, 0x0008, 0x047E),  # tripped: no run
        (True, True, 0x0008, 0x04FE),  # reset edge
        (False, True, 0x0231, 0x047E),  # nothing to reset
    ],
)
def test_abb_control_word(run, reset, status, word):
    assert next_control_word(run, reset, status) == word


def test_abb_start_follows_the_printed_sequence():
    """047E makes it ready, 047F runs; simulated by the status a drive shows."""
    status, words = 0x0040, []
    for _ in range(4):
        word = next_control_word(True, False, status)
        words.append(word)
        status = 0x0001 if word == 0x047E else 0x0007
    assert words == [0x047E, 0x047F, 0x047F, 0x047F]


@pytest.mark.parametrize(
    ("run", "reset", "status", "word"),
    [
        (True, False, 0x0250, 6),  # switch-on disabled, with mains bit 4
        (True, False, 0x0231, 7),
        (True, False, 0x0233, 15),
        (True, False, 0x0637, 15),
        (False, False, 0x0637, 7),  # ramp stop
        (False, False, 0x0233, 6),
        (True, False, 0x0217, 6),  # quick stop
        (True, False, 0x0218, 6),  # fault
        (True, True, 0x0218, 0x80),
    ],
)
def test_atv_command(run, reset, status, word):
    assert next_command(run, reset, status) == word


def test_backoff_doubles_up_to_its_limit_and_starts_over():
    waits = Backoff(0.5, 10.0, lambda: 0.5)
    assert [waits.wait_s() for _ in range(7)] == [0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0]
    waits.reset()
    assert waits.wait_s() == 0.5


def test_jitter_spreads_but_never_exceeds_the_limit():
    assert Backoff(0.5, 10.0, lambda: 0.0).wait_s() == 0.375
    late = Backoff(0.5, 10.0, lambda: 1.0)
    assert max(late.wait_s() for _ in range(9)) == 10.0

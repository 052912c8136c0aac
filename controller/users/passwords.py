"""Passwords: which may be chosen, and their argon2id hashes. The only user of argon2-cffi.

Parameters: 19 MiB, two passes, one lane, which is the least that OWASP's password storage cheat
sheet gives for argon2id; one lane, so that a log-in never takes more than one core from the scan.
"""

from __future__ import annotations

import re
from functools import cache
from itertools import pairwise

from argon2 import PasswordHasher, Type
from argon2.exceptions import Argon2Error, InvalidHashError

from controller.users.common import is_common
from controller.users.errors import BadPassword

SHORTEST, LONGEST = 12, 256
_FEWEST_KINDS = 5
_MOST_ORDERLY = 0.6
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1, type=Type.ID)
_HASH = re.compile(r"\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$[A-Za-z0-9+/]+\$[A-Za-z0-9+/]+")
_MOST_KIB, _MOST_PASSES = 256 * 1024, 10  # what a log-in may cost the computer of the line


def hash_password(password: str) -> str:
    """Encoded argon2id hash with a fresh salt."""
    return _HASHER.hash(password)


@cache
def nobody() -> str:
    """Hash to compare with when there is no such user, so that the refusal takes as long."""
    return _HASHER.hash("there is nobody of this name")


def verify(hashed: str, password: str) -> bool:
    """Tell whether a password belongs to a hash; takes as long when it does not."""
    try:
        return _HASHER.verify(hashed, password)
    except (Argon2Error, InvalidHashError, UnicodeError):
        return False


def is_hash(text: str) -> bool:
    """Tell whether a text is an argon2id hash that is strong enough and not absurdly costly."""
    match = _HASH.fullmatch(text)
    if match is None:
        return False
    memory, passes, lanes = map(int, match.groups())
    strong = memory >= _HASHER.memory_cost and passes >= _HASHER.time_cost
    return strong and memory <= _MOST_KIB and passes <= _MOST_PASSES and 1 <= lanes <= 4


def check_choice(name: str, password: str) -> None:
    """Refuse a password that is easily guessed.

    Raises:
        BadPassword: too short or long, common, one's own name, or a mere pattern.
    """
    if not SHORTEST <= len(password) <= LONGEST:
        raise BadPassword(f"a password has {SHORTEST} to {LONGEST} characters")
    if not password.isprintable():
        raise BadPassword("a password has no control characters")
    plain = password.casefold()
    if name.casefold() in plain:
        raise BadPassword("a password does not hold the user's name")
    if len(set(plain)) < _FEWEST_KINDS or _is_orderly(plain):
        raise BadPassword("this password is a pattern that is easily guessed")
    if is_common(plain):
        raise BadPassword("this password is little more than common words and digits")


def _is_orderly(plain: str) -> bool:
    """Whether most characters follow the one before in the alphabet or number row, or repeat."""
    steps = [ord(after) - ord(before) for before, after in pairwise(plain)]
    return sum(step in {-1, 0, 1} for step in steps) > _MOST_ORDERLY * len(steps)

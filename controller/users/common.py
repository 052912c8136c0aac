"""Words that common passwords are made of, and how much of a password they may be.

The lists of leaked passwords are long, but what is 12 characters and more in them is nearly all
made of few words, names of keyboard rows, years and digits. So the words are kept, not the lists.
"""

from __future__ import annotations

import re

_TEXT = """
abc abcdef access action admin administrator alexander amanda america andrea andrew angel anthony
apple april arsenal asdf asdfgh asdfghjkl ashley august austin autumn baby bailey banana barcelona
baseball basketball batman battery berlin biteme bonjour buster butterfly change charlie cheese
chelsea chocolate christmas computer cookie correct daniel december default demo diamond dragon
eagle elephant engineer facebook factory february filmline flower football forever freedom friday
friends garfield ginger google guest hallo hammer hannah harley heather hello hockey home horse
house hunter iloveyou internet jasmine jennifer jessica jesus jordan joshua july june justin
killer kiss kitty letmein life linux liverpool login london love lovely maggie manager march
martin master matrix matthew merlin michael michelle microsoft monday monkey morning mother
mustang ninja nothing november october operator orange pass passwd password passwort patrick
peanut pepper phoenix pilot pilotline princess process purple qazwsx qwer qwert qwerty qwertyuiop
qwertz ranger robert root samantha samsung saturday secret september service shadow silver simple
snoopy soccer spring staple starwars steelers summer sunday sunshine superman superuser support
sweet system taylor tennis test thomas thunder thursday tigger trustno trustnoone tuesday unknown
user viewer wednesday welcome whatever william windows winter wizard yankees yellow you zaq zxcvb
zxcvbn zxcvbnm
"""
WORDS = frozenset(_TEXT.split())
_LONGEST_FIRST = re.compile("|".join(sorted(WORDS, key=lambda word: (-len(word), word))))
_FEWEST_OWN = 5
_LETTERS = str.maketrans("0134578@$!", "oleastbasi")


def is_common(password: str) -> bool:
    """Tell whether a password is little more than common words with digits and signs."""
    plain = password.casefold()
    return any(_own(text) < _FEWEST_OWN for text in (plain, plain.translate(_LETTERS)))


def _own(text: str) -> int:
    """Letters that are left when common words, digits and signs are taken out."""
    letters = re.sub(r"[\W\d_]", "", text)
    return len(_LONGEST_FIRST.sub("", letters))

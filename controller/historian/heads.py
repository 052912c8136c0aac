"""The head of a chain as somebody else may keep it: mirrors, the report, the end of a run.

``filmline verify --head`` finds it in the record later, or finds that the record was written
anew. A head that left the computer must therefore never be one that the writer takes back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from controller.historian.chain import Head
from controller.historian.reading import Reader
from controller.historian.seal import HASH_KEY

# A commit whose sync failed is seen for a moment and then taken back; the one before it stays.
_SETTLED: Final = """
SELECT seq, digest, ns FROM chain
WHERE ns <> (SELECT ns FROM progress) OR EXISTS (SELECT 1 FROM meta WHERE key = ?)
ORDER BY seq DESC LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class KeptHead:
    """A head that may be kept elsewhere.

    Attributes:
        seq: number of the link, from 1.
        digest: SHA-256 that binds it and all before it.
        ns: UTC ns of the commit that wrote it.
        sealed: it is the last one: the record is closed.
    """

    seq: int
    digest: bytes
    ns: int
    sealed: bool = False

    def __str__(self) -> str:
        """As ``filmline verify --head`` takes it."""
        return str(Head(self.seq, self.digest))


def head_to_keep(record: Reader) -> KeptHead | None:
    """The newest link that the writer will not take back; None where there is none.

    Of a closed record it is the last link; of an open one, the last before the last commit. A
    record of version 1 has no chain.

    Raises:
        RecordError: the record cannot be read.
    """
    if not record.query("SELECT 1 FROM sqlite_schema WHERE name = 'chain'"):
        return None
    sealed = bool(record.query("SELECT 1 FROM meta WHERE key = ?", (HASH_KEY,)))
    for seq, digest, ns in record.query(_SETTLED, (HASH_KEY,)):
        return KeptHead(seq, digest, ns, sealed)
    return None

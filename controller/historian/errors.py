"""Errors of the record, as one tree.

RecordError
├── RecordMissing      there is no record at this path
├── NotARecord         the file is something else, or of a version this software cannot read
├── RecordBusy         another controller writes this record
├── RecordSealed       the record is closed for ever
├── RecordMismatch     the record was begun with another line, recipe or lot
├── RecordCorrupt      a block or a page does not read back as it was written
├── WriteFailed        nothing of this commit was stored; everything stays queued
│   ├── DiskFull       no space left
│   ├── DiskReadOnly   the file or its folder cannot be written
│   └── DiskError      the disk or the file system answered with an error
├── UnknownTag         a tag that the record (or the line) does not hold
├── NoPosition         the film position needed to answer by meter was not recorded
└── BadQuery           a range or an argument that makes no sense
"""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType

import apsw

from controller.errors import ControllerError


class RecordError(ControllerError):
    """Root; the message names the file, tag or range it concerns."""


class RecordMissing(RecordError):
    """There is no record at this path."""


class NotARecord(RecordError):
    """The file is something else, or of a version this software cannot read."""


class RecordBusy(RecordError):
    """Another controller writes this record."""


class RecordSealed(RecordError):
    """The record is closed for ever."""


class RecordMismatch(RecordError):
    """The record was begun with another line, recipe or lot."""


class RecordCorrupt(RecordError):
    """A block or a page does not read back as it was written."""


class WriteFailed(RecordError):
    """Nothing of this commit was stored; everything stays queued for the next."""


class DiskFull(WriteFailed):
    """No space left."""


class DiskReadOnly(WriteFailed):
    """The file or its folder cannot be written."""


class DiskError(WriteFailed):
    """The disk or the file system answered with an error."""


class UnknownTag(RecordError):
    """A tag that the record (or the line) does not hold."""


class NoPosition(RecordError):
    """The film position needed to answer by meter was not recorded."""


class BadQuery(RecordError):
    """A range or an argument that makes no sense."""


_BY_SQLITE: MappingProxyType[type[apsw.Error], tuple[type[RecordError], str]] = MappingProxyType(
    {
        apsw.FullError: (DiskFull, "no space left on the disk"),
        apsw.ReadOnlyError: (DiskReadOnly, "the file or its folder is read-only"),
        apsw.PermissionsError: (DiskReadOnly, "no permission to write"),
        apsw.InterruptError: (DiskError, "interrupted"),
        apsw.ProtocolError: (DiskError, "the locks of the file system misbehave"),
        apsw.IOError: (DiskError, "the disk answered with an error"),
        apsw.CantOpenError: (DiskReadOnly, "the file or its folder cannot be opened or made"),
        apsw.BusyError: (RecordBusy, "another process holds it"),
        apsw.LockedError: (RecordBusy, "another process holds it"),
        apsw.CorruptError: (RecordCorrupt, "a page of the file is damaged"),
        apsw.NotADBError: (NotARecord, "it is not a filmline record"),
    }
)


def from_sqlite(error: apsw.Error, path: Path) -> RecordError:
    """Name what went wrong in the words of the record.

    Raises:
        apsw.Error: the error itself, when it is none of a disk but a mistake of ours.
    """
    for kind, (named, text) in _BY_SQLITE.items():
        if isinstance(error, kind):
            return named(f"{path}: {text} ({error})")
    raise error

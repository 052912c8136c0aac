"""Export of a record to Parquet; the one module that needs pyarrow, imported when used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from controller.historian.archive import (
    ExportGroup,
    Progress,
    complete_file,
    export_groups,
    windows,
)
from controller.historian.blocks import Rows
from controller.historian.catalog import TagInfo
from controller.historian.query import Record

_FEW: Final = 0.5  # share of distinct values up to which a dictionary is the smaller coding
_HEADER_KEYS: Final = (
    "lot", "plant", "line", "software", "seed", "line_sha256", "recipe_text_sha256",
    "content_sha256",
)  # fmt: skip


def export_parquet(
    record: Record,
    folder: Path,
    from_ns: int,
    to_ns: int,
    tags: Sequence[str] = (),
    progress: Progress = str,
) -> list[Path]:
    """Write one Parquet file per scan group: zstd, encoding chosen per column.

    Columns are ``sent`` and ``received`` (UTC, ns), each tag as float64 with null where no
    value was read, and ``<tag>.quality`` (OPC UA status) where some were not GOOD.

    Returns:
        The files written.

    Raises:
        UnknownTag: the record does not hold one of the tags.
        WriteFailed: the folder cannot be written.
    """
    written = []
    with record.snapshot():
        info = record.info()
        for group in export_groups(record, tags):
            path = folder / f"{group.file_name}.parquet"
            progress(path.name)
            with complete_file(path) as part:
                _write_group(record, group, info, part, from_ns, to_ns)
            written.append(path)
    return written


def _write_group(
    record: Record,
    group: ExportGroup,
    info: Mapping[str, str],
    part: Path,
    from_ns: int,
    to_ns: int,
) -> None:
    import pyarrow as pa  # noqa: PLC0415 - 0.15 s and 37 MB that only an export needs
    import pyarrow.parquet as pq  # noqa: PLC0415

    spoiled, few = _survey(record, group, from_ns, to_ns)
    schema = _schema(pa, group, info, spoiled)
    quality = [f"{group.tags[place].name}.quality" for place in spoiled]
    plain = {tag.name: "BYTE_STREAM_SPLIT" for tag in group.tags if tag.name not in few}
    stamps = dict.fromkeys(("sent", "received"), "DELTA_BINARY_PACKED")
    with pq.ParquetWriter(
        part,
        schema,
        compression="zstd",
        use_dictionary=[*few, *quality],
        column_encoding=plain | stamps,
    ) as out:
        for rows in windows(record, group, from_ns, to_ns):
            out.write_table(pa.Table.from_arrays(_arrays(pa, rows, spoiled), schema=schema))


def _survey(
    record: Record, group: ExportGroup, from_ns: int, to_ns: int
) -> tuple[list[int], list[str]]:
    """Places of tags that were not GOOD throughout, and names of those with few values."""
    bad = np.zeros(len(group.tags), bool)
    few: list[str] | None = None
    for rows in windows(record, group, from_ns, to_ns):
        if few is None:
            most = _FEW * len(rows.sent)
            few = [
                tag.name
                for place, tag in enumerate(group.tags)
                if len(np.unique(rows.values[:, place])) <= most
            ]
        if rows.quality is not None:
            bad |= rows.quality.any(axis=0)
    return np.flatnonzero(bad).tolist(), few or []


def _schema(pa: Any, group: ExportGroup, info: Mapping[str, str], spoiled: list[int]) -> Any:
    stamp = pa.timestamp("ns", tz="UTC")
    fields = [pa.field(name, stamp, nullable=False) for name in ("sent", "received")]
    fields += [pa.field(tag.name, pa.float64(), metadata=_metadata(tag)) for tag in group.tags]
    fields += [
        pa.field(
            f"{group.tags[place].name}.quality",
            pa.uint32(),
            nullable=False,
            metadata={"unit": "OPC UA status"},
        )
        for place in spoiled
    ]
    header = {key: info[key] for key in _HEADER_KEYS if key in info}
    period = str(group.tags[0].period_s)
    return pa.schema(fields, header | {"scan_group": group.name, "period_s": period})


def _metadata(tag: TagInfo) -> dict[str, str]:
    return {
        "unit": tag.unit,
        "description": tag.description,
        "kind": tag.kind,
        "low": repr(tag.low),
        "high": repr(tag.high),
        "resolution": repr(tag.resolution),
        "station": tag.station or "",
    }


def _arrays(pa: Any, rows: Rows, spoiled: list[int]) -> list[Any]:
    stamp = pa.timestamp("ns", tz="UTC")
    codes = rows.codes()
    return [
        pa.array(rows.sent).cast(stamp),
        pa.array(rows.received).cast(stamp),
        *(pa.array(column, from_pandas=True) for column in np.ascontiguousarray(rows.values.T)),
        *(pa.array(np.ascontiguousarray(codes[:, place])) for place in spoiled),
    ]

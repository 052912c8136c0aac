"""Findings of the typed models, put at the place in the file and in the words of its author.

Data is validated as JSON: strict JSON mode takes a text for an enum and an array for a
tuple, yet never a text for a number.
"""

from __future__ import annotations

import json
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from config.positions import Path
from config.problems import Category, nearest, quote, suggestion
from config.source import Source

Checked = TypeVar("Checked", bound=BaseModel)

_RANGE = {
    "greater_than": "greater than {gt:g}",
    "greater_than_equal": "at least {ge:g}",
    "less_than": "less than {lt:g}",
    "less_than_equal": "at most {le:g}",
}
_EXPECTED = {
    "float_type": "a number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "string_type": "a text in quotes",
    "bool_type": "true or false",
    "tuple_type": "an array",
    "dict_type": "a table",
    "model_type": "a table",
    "model_attributes_type": "a table",
}


def validate(source: Source, model: type[Checked]) -> Checked:
    """Make the typed model of a file.

    Raises:
        ConfigError: with every field that does not fit.
    """
    try:
        return model.model_validate_json(json.dumps(source.data, default=str))
    except ValidationError as error:
        _report(source, model, error.errors(include_url=False))
        source.stop_on_problems()
        raise


def _report(source: Source, model: type[BaseModel], errors: list[ErrorDetails]) -> None:
    grouped: dict[Path, list[ErrorDetails]] = {}
    for error in errors:
        grouped.setdefault(_path(source.data, error), []).append(error)
    for path in _consequences(model, grouped):
        del grouped[path]
    for path, found in grouped.items():
        _report_one(source, model, path, found)


def _consequences(model: type[BaseModel], grouped: dict[Path, list[ErrorDetails]]) -> list[Path]:
    """Findings that only follow from another one.

    A key misses because it is misspelled; an array is too short because an element is wrong.
    """
    kinds = {path: found[0]["type"] for path, found in grouped.items()}
    meant: list[Path] = []
    for path, kind in kinds.items():
        if kind == "extra_forbidden":
            near = nearest(str(path[-1]), known_fields(model, path[:-1]))
            meant.append((*path[:-1], near or ""))
    return [
        path
        for path, kind in kinds.items()
        if (kind == "missing" and path in meant)
        or (kind == "too_short" and any(p[: len(path)] == path and p != path for p in kinds))
    ]


def _path(data: Any, error: ErrorDetails) -> Path:
    """Path of an error without the parts that name a member of a union."""
    path: Path = ()
    for part in error["loc"]:
        if _leads_on(data, part):
            data = data[part]
        elif error["type"] == "missing":
            pass  # the key is not there to step into
        else:
            break
        path = (*path, part)
    return path


def _leads_on(data: Any, part: str | int) -> bool:
    if isinstance(data, dict):
        return part in data
    return isinstance(data, list) and isinstance(part, int) and part < len(data)


def _report_one(
    source: Source, model: type[BaseModel], path: Path, found: list[ErrorDetails]
) -> None:
    error, kind = found[0], found[0]["type"]
    context: dict[str, Any] = error.get("ctx", {})
    if kind == "extra_forbidden":
        _unknown_key(source, model, path)
    elif kind == "missing":
        _missing(source, path)
    elif kind in _RANGE:
        allowed = _RANGE[kind].format(**context)
        source.report(Category.RANGE, path, "out of range", f"allowed {allowed}")
    elif kind == "finite_number":
        source.report(Category.RANGE, path, "not a finite number")
    elif kind in {"enum", "literal_error"}:
        _choice(source, path, str(context["expected"]))
    elif kind in {"too_long", "too_short"}:
        bound = "at most" if kind == "too_long" else "at least"
        count = context.get("max_length", context.get("min_length"))
        source.report(Category.TYPE, path, "wrong number of elements", f"{bound} {count}")
    elif kind.startswith("string_") and kind != "string_type":
        source.report(
            Category.TYPE, path, "not a name", "a letter, then letters, digits, '_', '-' or '.'"
        )
    else:
        wanted = dict.fromkeys(_EXPECTED.get(item["type"], item["msg"]) for item in found)
        source.report(Category.TYPE, path, "wrong type", "expected " + " or ".join(wanted))


def _missing(source: Source, path: Path) -> None:
    if isinstance(path[-1], int):
        source.report(
            Category.TYPE, path[:-1], "wrong number of elements", f"at least {path[-1] + 1}"
        )
        return
    source.report(Category.MISSING, path, f"'{path[-1]}' must be given", at_key=True, show=False)


def _choice(source: Source, path: Path, expected: str) -> None:
    words = expected.replace("'", "").replace(" or ", ", ").split(", ")
    near = suggestion(str(source.get(path)), words)
    hint = f"one of {expected}" + (f" ({near})" if near else "")
    source.report(Category.TYPE, path, "not a known choice", hint)


def _unknown_key(source: Source, model: type[BaseModel], path: Path) -> None:
    fields = known_fields(model, path[:-1])
    near = suggestion(str(path[-1]), fields)
    allowed = near or "allowed: " + ", ".join(fields)
    value = quote(source.get(path))
    source.report(
        Category.UNKNOWN_KEY,
        path,
        f"'{path[-1]}' = {value} means nothing here",
        allowed,
        at_key=True,
        show=False,
    )


def known_fields(model: type[BaseModel], path: Path) -> list[str]:
    """Names a file may use in the table at ``path`` of a model."""
    current: Any = model
    for part in path:
        if isinstance(part, int):
            continue  # an array step: the element model was taken with its field
        by_name = {f.alias or n: f.annotation for n, f in current.model_fields.items()}
        current = _inner_model(by_name[part])
    return [field.alias or name for name, field in current.model_fields.items()]


def _inner_model(annotation: Any) -> Any:
    """The model inside ``X``, ``X | None`` or ``tuple[X, ...]``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in get_args(annotation):
        inner = _inner_model(argument)
        if inner is not None:
            return inner
    return None

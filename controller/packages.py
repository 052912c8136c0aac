"""Guard: the four packages must be ours, side by side (see docs/decisions/001)."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

_NAMES = ("config", "controller", "drivers")
_OPTIONAL = "simulators"  # a plant PC may be installed without it


class WrongPackageError(RuntimeError):
    """Another distribution answers to one of our package names."""


def check_packages() -> None:
    """Make sure the packages resolve to one folder.

    Raises:
        WrongPackageError: one of the names belongs to something else, or is missing.
    """
    here = Path(__file__).resolve().parent.parent
    for name in (*_NAMES, _OPTIONAL):
        spec = find_spec(name)
        if spec is None and name == _OPTIONAL:
            continue
        if spec is None or spec.origin is None:
            raise WrongPackageError(f"package {name} is missing beside {here / 'controller'}")
        if Path(spec.origin).resolve().parent.parent != here:
            raise WrongPackageError(
                f"package {name} comes from {Path(spec.origin).parent}, not from {here}; "
                "use filmline's own virtual environment"
            )

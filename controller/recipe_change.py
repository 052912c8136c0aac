"""Another recipe on the running line: what speaks against it, what it costs, and its phase."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from config.loader import ConfigError, load_recipe
from controller.procedure.phases.changing import ChangeRecipe, differences
from controller.procedure.phases.collecting import Collect

if TYPE_CHECKING:
    from config.loader import Materials
    from config.models import Recipe
    from controller.app import Kernel

_SETTLE_MIN = 10.0
Args = Mapping[str, object]


class RecipeChange:
    """Reads, compares and prices the recipe of a file."""

    def __init__(self, kernel: Kernel, materials: Materials) -> None:
        self._kernel = kernel
        self._materials = materials

    def against(self, args: Args) -> list[str]:
        """Why the file is no recipe, or none that may follow the present one."""
        if "file" not in args:
            return ["file=FILE is needed"]
        recipe, _, faults = self._load(args)
        return [*faults, *(differences(self._kernel.recipe, recipe) if recipe else ())]

    def cost(self, args: Args) -> str:
        """Film and minutes that the change costs."""
        recipe, _, faults = self._load(args)
        if recipe is None:
            return "; ".join(faults)
        old, new = self._kernel.recipe.settings, recipe.settings
        line = max(station.at_m for station in self._kernel.line.station)
        gap = max(abs(a - b) for a, b in zip(old.tenter_c, new.tenter_c, strict=True))
        minutes = _SETTLE_MIN + max(
            gap / ChangeRecipe.Parameters().k_per_min,
            abs(new.run_speed_m_min - old.run_speed_m_min) / new.speed_ramp_m_min_per_min,
        )
        lost = line + minutes * max(new.run_speed_m_min, old.run_speed_m_min)
        return (
            f"the roll ends now; about {lost:.0f} m of transition; the new film is at the winder "
            f"after {minutes + line / new.run_speed_m_min:.0f} min; no cool-down"
        )

    def phase(self, args: Args, collect: Collect | None) -> ChangeRecipe | None:
        """The phase that does it; None when the file can no longer be read."""
        kernel = self._kernel
        recipe, text, _ = self._load(args)
        if recipe is None:
            return None
        phase = ChangeRecipe(ChangeRecipe.Parameters())
        phase.winding = None if collect is None else collect.counters
        phase.adopt = lambda: kernel.adopt(recipe, text)
        return phase

    def _load(self, args: Args) -> tuple[Recipe | None, str, list[str]]:
        """The recipe of a file with its text, and every reason why it is none."""
        file = Path(str(args.get("file", "")))
        try:
            recipe = load_recipe(file, self._kernel.line, self._materials)
            return recipe, file.read_text("utf-8"), []
        except ConfigError as error:
            return None, "", str(error).splitlines()
        except OSError as error:
            return None, "", [f"{file}: {error.strerror}"]

"""The command ``filmline``, also as ``python -m controller``.

Nothing is imported here that is slow or could come from somebody else's ``config``: a foreign
package and a Ctrl-C while the rest is still loading are messages too, not tracebacks.
"""

from __future__ import annotations

import gc
import sys

from controller.packages import WrongPackageError, check_packages


def main() -> None:
    """Check that the packages are ours, then run the command line."""
    gc.disable()  # what loads stays; to look for garbage in it is a quarter of the start
    try:
        check_packages()
        from controller.cli import main as run  # noqa: PLC0415 - only once the packages are ours

        run()
    except WrongPackageError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        sys.exit(1)


if __name__ == "__main__":
    main()

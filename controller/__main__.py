"""``python -m controller`` is ``filmline``."""

from controller.cli import main

if __name__ == "__main__":
    main()

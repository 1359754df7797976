"""What keeps a mistake in one of these programs from being taken for something that it found."""

import sys
from collections.abc import Callable


def guarded(main: Callable[[], int], failed: int) -> int:
    """The exit code of `main`, or `failed` where it raised an exception: Python would exit with 1."""
    try:
        return main()
    except Exception:  # pylint: disable=broad-except
        sys.excepthook(*sys.exc_info())
        return failed

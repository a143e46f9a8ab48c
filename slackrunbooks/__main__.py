"""``python -m slackrunbooks`` and the command ``slackrunbooks``: the command line, or word of what it lacks."""

from __future__ import annotations

import importlib.util
import sys

__all__ = ["main"]


def main() -> int:
    """Run the command line.

    Returns:
        The exit code; :class:`slackrunbooks.cli.Exit` says what it means.
    """
    if importlib.util.find_spec("click") is None:
        sys.stderr.write("The command line needs click, which is not installed: pip install 'slackrunbooks[cli]'\n")
        return 2
    from .cli import main as run

    return run()


if __name__ == "__main__":
    sys.exit(main())

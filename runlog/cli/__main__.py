"""`python -m runlog.cli` is the `runlog` command."""

from __future__ import annotations

import sys

from runlog.cli import main

if __name__ == "__main__":
    sys.exit(main())

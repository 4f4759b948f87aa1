"""`python -m rustalk` is the `rustalk` program."""

from __future__ import annotations

import sys

from rustalk.cli.program import main

sys.exit(main())

"""`python -m rapport_local`."""

import sys

try:
    from rapport_local.cli import main

    sys.exit(main())
except KeyboardInterrupt:
    # While the modules were still being read.
    sys.exit(130)

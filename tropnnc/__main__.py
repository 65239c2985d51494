"""``python -m tropnnc``."""

import sys

from tropnnc.cli import main

sys.exit(main())

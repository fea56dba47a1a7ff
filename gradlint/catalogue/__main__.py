"""`python -m gradlint.catalogue`."""

import sys

from gradlint.catalogue import main

if __name__ == "__main__":
    sys.exit(main())

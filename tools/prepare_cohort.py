"""tools/prepare_cohort.py MANIFEST -o COHORT [options]: the same as "svtoolkit cohort"."""

import sys

from svtoolkit.cli.main import main

if __name__ == '__main__':
    main(['cohort', *sys.argv[1:]])

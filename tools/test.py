"""tools/test.py CONFIG CHECKPOINT [options]: the same as "svtoolkit test"."""

import sys

from svtoolkit.cli.main import main

if __name__ == '__main__':
    main(['test', *sys.argv[1:]])

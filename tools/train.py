"""tools/train.py CONFIG [options]: the same as "svtoolkit train"."""

import sys

from svtoolkit.cli.main import main

if __name__ == '__main__':
    main(['train', *sys.argv[1:]])

"""tools/prepare_lists.py CORPUS -o FOLDER [options]: the same as "svtoolkit make-lists"."""

import sys

from svtoolkit.cli.main import main

if __name__ == '__main__':
    main(['make-lists', *sys.argv[1:]])

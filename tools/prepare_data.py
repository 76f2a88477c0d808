"""tools/prepare_data.py CORPUS SOURCE OUT [options]: the same as "svtoolkit prepare"."""

import sys

from svtoolkit.cli.main import main

if __name__ == '__main__':
    main(['prepare', *sys.argv[1:]])

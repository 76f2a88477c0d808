"""tools/average_checkpoints.py RUN --last 10, or several checkpoints: their mean as one file.

Examples: tools/average_checkpoints.py work_dirs/vox2_ws_glob_c512 --last 10
          tools/average_checkpoints.py START work_dirs/adapted/best.pth --weights 0.3 0.7
"""

import argparse
import sys
from pathlib import Path

from svtoolkit.engine import checkpoint as files
from svtoolkit.engine.averaging import average, newest_epochs
from svtoolkit.errors import SvtoolkitError


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('paths', nargs='+', type=Path, help='a run folder, or models, the newest last')
    parser.add_argument(
        '--weights', nargs='+', type=float, metavar='SHARE', help='one for each; default: equal'
    )
    parser.add_argument('--last', type=int, default=10, help='epochs of a run folder; default: %(default)s')
    parser.add_argument('--output', type=Path, help='default: average.pth beside the checkpoints')
    arguments = parser.parse_args()
    try:
        folder = len(arguments.paths) == 1 and arguments.paths[0].is_dir()
        paths = newest_epochs(arguments.paths[0], arguments.last) if folder else arguments.paths
        output = arguments.output or paths[-1].parent / 'average.pth'
        files.save(average(paths, arguments.weights), output)
    except SvtoolkitError as error:
        print(error, file=sys.stderr)
        return 2
    print(f'{output}: mean of {", ".join(path.name for path in paths)}')
    return 0


if __name__ == '__main__':
    sys.exit(main())

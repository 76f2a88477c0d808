"""tools/model_info.py CONFIG [--seconds 2]: parameters, multiplications and output shape of a recipe's model."""

import argparse
import sys

from svtoolkit.engine.launch import read_config
from svtoolkit.errors import SvtoolkitError
from svtoolkit.zoo.model_info import model_info


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('config')
    parser.add_argument('--seconds', type=float, default=2.0, help='of speech; default: %(default)s')
    arguments = parser.parse_args()
    try:
        info = model_info(read_config(arguments.config), arguments.seconds)
    except SvtoolkitError as error:
        print(error, file=sys.stderr)
        return 2
    print(f'parameters  {info.parameters:,} (without the head)')
    print(f'MACs        {info.macs:,} for {info.seconds:g} s (without the front end)')
    print(f'features    {list(info.features)}, embedding [{info.embed_dim}]')
    return 0


if __name__ == '__main__':
    sys.exit(main())

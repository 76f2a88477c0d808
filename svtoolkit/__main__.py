"""``python -m svtoolkit``: the command line."""

from svtoolkit.cli.main import main

main(prog_name='svtoolkit')

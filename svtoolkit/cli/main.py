"""The command ``svtoolkit``. Every command lives in a file of its own and imports nothing heavy until it runs."""

import difflib
import errno
import importlib
import io
import pkgutil
import sys

import click

from svtoolkit import __version__, cli
from svtoolkit.errors import SvtoolkitError


class Fault(click.ClickException):
    """A user's fault: one message on standard error, exit code 2."""

    exit_code = 2

    def show(self, file=None) -> None:
        click.echo(f'svtoolkit: {self.message}', err=True)


class Commands(click.Group):
    """All files beside this one: the command ``migrate-config`` is ``command`` of ``migrate_config.py``."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        names = (module.name for module in pkgutil.iter_modules(cli.__path__))
        return sorted(name.replace('_', '-') for name in names if name != 'main' and not name.startswith('_'))

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in self.list_commands(ctx):
            return None
        return importlib.import_module(f'svtoolkit.cli.{name.replace("-", "_")}').command

    def resolve_command(self, ctx: click.Context, args: list[str]):
        known = self.list_commands(ctx)
        if args and args[0] not in known and not args[0].startswith('-'):
            near = difflib.get_close_matches(args[0], known, n=1)
            guess = f" Did you mean '{near[0]}'?" if near else ''
            raise click.UsageError(f"no command '{args[0]}'.{guess}", ctx)
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context):
        try:
            return super().invoke(ctx)
        except SvtoolkitError as error:
            raise Fault(str(error)) from error
        except OSError as error:  # a full disk, a folder that cannot be written
            if error.strerror is None or error.errno == errno.EPIPE:  # click ends a broken pipe in silence
                raise
            place = '' if error.filename is None else f'{error.filename}: '
            raise Fault(f'{place}{error.strerror}.') from error


@click.command(cls=Commands, context_settings=dict(help_option_names=['-h', '--help'], max_content_width=100))
@click.version_option(__version__, prog_name='svtoolkit')
def main() -> None:
    """Speaker verification: train, measure, verify."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors='backslashreplace')  # names of files need not be text

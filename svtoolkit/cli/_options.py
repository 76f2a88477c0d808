"""Options that several commands share, and the value syntax of ``--cfg-options``."""

import ast

import click


def parse_overrides(context: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> dict:
    """Turn ``a.b=1`` strings into dotted key -> Python value.

    Values are Python literals; ``true``/``false`` count as booleans, ``1,2`` as a list, anything else is text.
    """
    overrides = {}
    for value in values:
        key, sign, text = value.partition('=')
        if not sign or not key.strip():
            raise click.BadParameter(f"'{value}' is not KEY=VALUE")
        overrides[key.strip()] = _literal(text.strip())
    return overrides


def _literal(text: str):
    if text.lower() in ('true', 'false'):
        return text.lower() == 'true'
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return (
            [_literal(part.strip()) for part in text.split(',')] if ',' in text and '(' not in text else text
        )
    return list(value) if isinstance(value, tuple) and not text.startswith('(') else value


class Overrides(click.Option):
    """``--cfg-options a=1 b=2``: takes every following ``KEY=VALUE`` word, as mm users write it."""

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **{**kwargs, 'multiple': True, 'callback': parse_overrides})

    def add_to_parser(self, parser, ctx) -> None:
        super().add_to_parser(parser, ctx)
        option = parser._long_opt.get(self.opts[0])
        process = option.process

        def take_all(value, state):
            process(value, state)
            while state.rargs and '=' in state.rargs[0] and not state.rargs[0].startswith('-'):
                process(state.rargs.pop(0), state)

        option.process = take_all


cfg_options = click.option(
    '--cfg-options',
    'options',
    cls=Overrides,
    metavar='KEY=VALUE ...',
    help='Override config keys, such as optim_wrapper.optimizer.lr=0.02.',
)
plugin_modules = click.option(
    '--plugin',
    'plugin_modules',
    multiple=True,
    metavar='MODULE',
    help='Import a module that registers parts; repeatable.',
)
launcher = click.option(
    '--launcher',
    type=click.Choice(['none', 'pytorch', 'slurm', 'mpi']),
    default='none',
    show_default=True,
    help='How the processes were started.',
)
local_rank = click.option(
    '--local_rank',
    '--local-rank',
    type=int,
    default=0,
    hidden=True,
    expose_value=False,
    help='Set by older launchers; LOCAL_RANK is what counts.',
)

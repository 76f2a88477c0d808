"""svtoolkit test: measure a checkpoint on the test lists of its config."""

import click

from svtoolkit.cli import _options


@click.command()
@click.argument('config', type=click.Path())
@click.argument('checkpoint', type=click.Path())
@click.option('--work-dir', type=click.Path(), help='Folder of the run.  [default: work_dirs/<config name>]')
@click.option(
    '--out', 'out_dir', type=click.Path(), help='Folder of scores and reports.  [default: <run>/test]'
)
@_options.cfg_options
@_options.plugin_modules
@_options.launcher
@_options.local_rank
def command(config, checkpoint, work_dir, out_dir, options, plugin_modules, launcher) -> None:
    """Measure CHECKPOINT with the test lists of CONFIG; rates come with their intervals."""
    from svtoolkit.engine.launch import test

    metrics = test(
        config,
        checkpoint,
        work_dir,
        options=options,
        launcher=launcher,
        plugin_modules=plugin_modules,
        out_dir=out_dir,
    )
    for key, value in metrics.items():
        click.echo(f'{key}\t{value:.6g}')

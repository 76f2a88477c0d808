"""svtoolkit train: train a recipe."""

import click

from svtoolkit.cli import _options


@click.command()
@click.argument('config', type=click.Path())
@click.option('--work-dir', type=click.Path(), help='Folder of the run.  [default: work_dirs/<config name>]')
@click.option(
    '--resume',
    is_flag=False,
    flag_value='auto',
    default=None,
    metavar='[PATH]',
    help='Go on from the newest checkpoint of the run, or from PATH.',
)
@click.option('--amp', is_flag=True, help='bfloat16 autocast, on CPUs too.')
@click.option('--no-validate', is_flag=True, help='No measuring while training.')
@click.option('--auto-scale-lr', is_flag=True, help='Scale the learning rate with the batch.')
@click.option('--no-pin-memory', is_flag=True, help='No pinned memory in the data loaders.')
@click.option('--no-persistent-workers', is_flag=True, help='Start the loader workers anew every epoch.')
@click.option('--seed', type=int, help='Overrides the seed of the config.')
@click.option('--deterministic', is_flag=True, help='Ask torch for deterministic algorithms.')
@_options.cfg_options
@_options.plugin_modules
@_options.launcher
@_options.local_rank
def command(
    config,
    work_dir,
    resume,
    amp,
    no_validate,
    auto_scale_lr,
    no_pin_memory,
    no_persistent_workers,
    seed,
    deterministic,
    options,
    plugin_modules,
    launcher,
) -> None:
    """Train the recipe CONFIG; every fault of it is named before anything starts."""
    from svtoolkit.engine.launch import train

    loaders = {'train_dataloader', 'val_dataloader'}
    if no_pin_memory:
        options |= {f'{loader}.pin_memory': False for loader in loaders}
    if no_persistent_workers:
        options |= {f'{loader}.persistent_workers': False for loader in loaders}
    result = train(
        config,
        work_dir,
        resume=resume or False,
        amp=amp,
        validate=not no_validate,
        auto_scale_lr=auto_scale_lr,
        seed=seed,
        deterministic=deterministic,
        options=options,
        launcher=launcher,
        plugin_modules=plugin_modules,
    )
    click.echo(f'done: {result["work_dir"]}')

"""svtoolkit cohort: the strangers of a score normalisation."""

import click


@click.command()
@click.argument('manifest', type=click.Path())
@click.option('--output', '-o', required=True, type=click.Path(), help='Cohort to write, .npz.')
@click.option('--embeddings', type=click.Path(), help='Table of the list; left out, the model embeds it.')
@click.option('--model', help='Name, file or run directory.  [default: the shipped model]')
@click.option('--root', type=click.Path(), help='Folder that relative paths of the list start from.')
@click.option('--exclude', 'excluded', type=click.Path(), help='File of speakers to leave out, one a line.')
@click.option('--utterances', is_flag=True, help='Keep every utterance instead of one mean per speaker.')
@click.option('--crops', default=0, type=click.IntRange(min=0), help='As in the scoring it is for.')
@click.option('--cache', type=click.Path(), help='Folder that remembers embeddings between runs.')
@click.option('--device', default='cpu', show_default=True)
def command(manifest, output, embeddings, model, root, excluded, utterances, crops, cache, device) -> None:
    """Make a cohort of the training list MANIFEST: one mean vector per speaker, none of them in a trial."""
    import svtoolkit
    from svtoolkit.cli._scoring import folder_of
    from svtoolkit.datasets.manifest import Manifest
    from svtoolkit.evaluation.crops import CropSpec, make_cohort
    from svtoolkit.evaluation.embedding import clips_of, embed_clips, load_table, user_faults

    listed = Manifest.read(manifest, root=root)
    if excluded:
        listed = listed.select(exclude_speakers=excluded)
    cut = CropSpec(crops) if crops else None
    if embeddings:
        table = load_table(embeddings).select(list(listed.utts))
    else:
        table = embed_clips(svtoolkit.load(model, device), clips_of(listed), cut, cache)
    with user_faults(f'cohort of {manifest}'):
        cohort = make_cohort(table, None if utterances else list(listed.speakers), cut)
    folder_of(output)
    cohort.save(output)
    click.echo(
        f'{output}: {len(cohort)} entries of {len(table)} utterances, model {cohort.fingerprint or "unknown"}, '
        f'digest {cohort.digest()}'
    )

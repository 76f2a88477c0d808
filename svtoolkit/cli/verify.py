"""svtoolkit verify: do two recordings hold one speaker?"""

import click


@click.command()
@click.argument('a', type=click.Path())
@click.argument('b', type=click.Path())
@click.option('--model', help='Name, file or run directory.  [default: the shipped model]')
@click.option('--threshold', type=float, help="Overrides the model's.")
@click.option(
    '--json', 'as_json', is_flag=True, help='One JSON object: score, threshold, same, reason, model.'
)
@click.pass_context
def command(context, a, b, model, threshold, as_json) -> None:
    """Compare recordings A and B. Exit code 0: same speaker, 1: different, 2: error or cannot tell."""
    from dataclasses import asdict
    from json import dumps

    import svtoolkit

    embedder = svtoolkit.load(model)
    if threshold is not None:
        embedder.threshold = threshold
    verdict = embedder.verify(a, b)
    if as_json:
        click.echo(dumps(asdict(verdict), ensure_ascii=False))
    else:
        answer = {True: 'same speaker', False: 'different speakers', None: 'cannot tell'}[verdict.same]
        numbers = '' if verdict.score is None else f' (score {verdict.score:.4f}'
        if numbers:
            numbers += f', threshold {verdict.threshold:.4f})' if verdict.threshold is not None else ')'
        click.echo(answer + numbers + (f': {verdict.reason}' if verdict.reason else ''))
    context.exit({True: 0, False: 1, None: 2}[verdict.same])

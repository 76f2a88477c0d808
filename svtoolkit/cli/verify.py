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
@click.option(
    '--lang', type=click.Choice(['en', 'zh']), default='en', show_default=True, help='Language of the answer.'
)
@click.pass_context
def command(context, a, b, model, threshold, as_json, lang) -> None:
    """Compare recordings A and B. Exit code 0: same speaker, 1: different, 2: error or cannot tell."""
    from dataclasses import asdict
    from json import dumps
    from math import isnan

    import svtoolkit

    if threshold is not None and isnan(threshold):
        raise click.BadParameter('nan is no number to compare with', param_hint='--threshold')
    embedder = svtoolkit.load(model)
    if threshold is not None:
        embedder.threshold = threshold
    verdict = embedder.verify(a, b)
    if as_json:
        click.echo(dumps(asdict(verdict), ensure_ascii=False))
    elif lang == 'zh':
        _answer_zh(a, b, verdict)
    else:
        answer = {True: 'same speaker', False: 'different speakers', None: 'cannot tell'}[verdict.same]
        numbers = '' if verdict.score is None else f' (score {verdict.score:.4f}'
        if numbers:
            numbers += f', threshold {verdict.threshold:.4f})' if verdict.threshold is not None else ')'
        click.echo(answer + numbers + (f': {verdict.reason}' if verdict.reason else ''))
    context.exit({True: 0, False: 1, None: 2}[verdict.same])


def _answer_zh(a: str, b: str, verdict) -> None:
    """The seven lines of the Chinese voiceprint project; a reservation goes to standard error."""
    click.echo('正在将下面两个路径的.wav说话人进行比对:')
    click.echo(f'说话人1: {a}')
    click.echo(f'说话人2: {b}')
    click.echo('-' * 30)
    if verdict.score is not None:
        click.echo(f'声纹相似度得分: {verdict.score:.4f}')
    if verdict.threshold is not None:
        click.echo(f'判定阈值: {verdict.threshold:g}')
    answer = {True: '为同一说话人', False: '不是同一说话人', None: '无法判定'}[verdict.same]
    click.echo(f'判定结果: {answer}')
    if verdict.reason:
        click.echo(verdict.reason, err=True)

"""Join manifests into one and pack their audio: tools/join_lists.py OUT LIST [LIST ...].

Utterances whose id came before get the number of their list as a suffix, so several codings of one
recording can be trained on side by side. Writes OUT.tsv and OUT.pack (int16, memory-mapped in training).
"""

import os
from pathlib import Path

import click

from svtoolkit.datasets.manifest import Manifest
from svtoolkit.datasets.packs import build_pack_from_files


@click.command()
@click.argument('out', type=click.Path(path_type=Path))
@click.argument('lists', nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option('--sample-rate', default=16000, show_default=True)
@click.option('--jobs', default=os.cpu_count(), show_default=True, help='Threads that decode.')
def main(out: Path, lists: tuple[Path, ...], sample_rate: int, jobs: int) -> None:
    """Join LISTS into OUT.tsv and OUT.pack."""
    rows: list[tuple[str, str, str, float]] = []
    seen: set[str] = set()
    for number, path in enumerate(lists, start=1):
        manifest = Manifest.read(path)
        manifest.measure()
        for row, (utt, speaker) in enumerate(zip(manifest.utts, manifest.speakers)):
            name = f'{utt}_{number}' if utt in seen else utt
            seen.add(name)
            rows.append((name, str(Path(manifest.path(row)).resolve()), speaker, manifest.seconds(row)))
    out.parent.mkdir(parents=True, exist_ok=True)
    build_pack_from_files(
        out.with_suffix('.pack'),
        ((name, 'speech', path) for name, path, *_ in rows),
        sample_rate,
        parallel=jobs,
    )
    lines = [f'{name}\t{path}\t{speaker}\t{seconds:.4f}\n' for name, path, speaker, seconds in rows]
    out.with_suffix('.tsv').write_text('utt\tpath\tspeaker\tduration\n' + ''.join(lines), encoding='utf-8')
    click.echo(f'{out}: {len(rows)} utterances, {sum(row[3] for row in rows) / 3600:.2f} h')


if __name__ == '__main__':
    main()

"""Models of the Hugging Face hub: downloaded once, checked, and converted by what lies in the folder.

``hf:owner/name`` or ``hf:owner/name@revision``. With ``SVTOOLKIT_HUB_MIRROR=/folder`` nothing is downloaded:
the files are taken from ``/folder/owner/name``. ``HF_ENDPOINT`` and ``HF_HOME`` work as everywhere.
"""

import json
import os
import re
from pathlib import Path

from svtoolkit.errors import CheckpointError, MissingExtraError
from svtoolkit.zoo import package as packages
from svtoolkit.zoo.convert import convert, file_sha256
from svtoolkit.zoo.read_weights import read_weights

MIRROR = 'SVTOOLKIT_HUB_MIRROR'
SUMS = 'SHA256SUMS'  # 'hash  file' a line, as sha256sum writes it
WEIGHTS = ('.safetensors', '.ckpt', '.pt', '.pth', '.bin', '.nemo', '.onnx')
SETTINGS = (
    packages.RECORD,
    SUMS,
    'hyperparams.yaml',
    'config.yaml',
    'configuration.json',
    'model_config.yaml',
)


def load(name: str) -> packages.ModelPackage:
    """Fetch, check and convert a model.

    Args:
        name: ``owner/name`` or ``owner/name@revision``.

    Raises:
        MissingExtraError: huggingface_hub is not installed, and no mirror is set.
        CheckpointError: no such model, a file that does not have its checksum, or a layout nobody knows.
    """
    if not re.fullmatch(r'[\w.-]+/[\w.-]+(@[\w./-]+)?', name) or '..' in name:
        raise CheckpointError(
            f'hf:{name}: a model of the hub is written hf:owner/name or hf:owner/name@revision.'
        )
    folder = fetch(name)
    verify(folder)
    if (folder / packages.RECORD).is_file():
        return packages.load(folder)
    source, path = recognise(folder)
    package = convert(path, source, name=name.split('@')[0])
    package.card['origin'] = f'hf:{name}'
    return package


def fetch(name: str) -> Path:
    """Folder with the files of ``owner/name[@revision]``: the mirror's, or the hub's cache after a download.

    Raises:
        MissingExtraError: huggingface_hub is not installed, and no mirror is set.
        CheckpointError: the mirror or the hub has no such model.
    """
    repository, _, revision = name.partition('@')
    if mirror := os.environ.get(MIRROR):
        folder = Path(mirror) / repository
        if not folder.is_dir():
            raise CheckpointError(f'hf:{name}: the mirror {mirror} ({MIRROR}) has no folder {repository}.')
        return folder
    try:
        from huggingface_hub import snapshot_download
    except ImportError as error:
        raise MissingExtraError('huggingface_hub', 'hub') from error
    patterns = [*SETTINGS, *(f'*{ending}' for ending in WEIGHTS)]
    try:
        return Path(snapshot_download(repository, revision=revision or None, allow_patterns=patterns))
    except Exception as error:  # its errors have no common base: HTTP, offline, gated, unknown revision
        raise CheckpointError(
            f'hf:{name}: could not be downloaded ({type(error).__name__}: '
            f'{(str(error).splitlines() or [""])[0]}). Offline, set {MIRROR} to a folder that holds {repository}/.'
        ) from error


def verify(folder: Path) -> None:
    """Compare files with the checksums that are known.

    Known are those of a ``SHA256SUMS`` in the folder, and of large files in the hub's cache, which keeps
    them under their own hash.

    Raises:
        CheckpointError: a file is missing or another one.
    """
    expected = {}
    for path in folder.iterdir():
        blob = path.resolve().name if path.is_symlink() else ''
        if re.fullmatch('[0-9a-f]{64}', blob):
            expected[path.name] = blob
    if (folder / SUMS).is_file():
        for line in (folder / SUMS).read_text(encoding='utf-8').splitlines():
            digest, _, file = line.strip().partition(' ')
            if digest:
                expected[file.strip().removeprefix('*')] = digest.lower()
    for file, digest in expected.items():
        path = folder / file
        found = file_sha256(path) if path.is_file() else 'missing'
        if found != digest:
            raise CheckpointError(
                f'{path}: its SHA-256 should be {digest}, it is {found}; fetch the model again.'
            )


def recognise(folder: Path) -> tuple[str, Path]:
    """Toolkit and weight file of a folder as the toolkits publish it.

    Raises:
        CheckpointError: none of the known layouts, or several weight files and no hint which.
    """
    if (folder / 'hyperparams.yaml').is_file() and (folder / 'embedding_model.ckpt').is_file():
        return 'speechbrain', folder / 'embedding_model.ckpt'
    if (folder / 'configuration.json').is_file():
        return '3dspeaker', _named_in(folder / 'configuration.json') or _only(
            folder, ('.bin', '.ckpt', '.pt')
        )
    if (folder / 'config.yaml').is_file():
        named = [folder / name for name in ('avg_model.pt', 'avg_model') if (folder / name).is_file()]
        return 'wespeaker', named[0] if named else _only(folder, ('.pt', '.onnx'))
    for source, ending in (('nemo', '.nemo'), ('wespeaker', '.onnx')):
        if any(folder.glob(f'*{ending}')):
            return source, _only(folder, (ending,))
    torch_files = [path for path in folder.iterdir() if path.suffix in ('.pt', '.pth')]
    if len(torch_files) == 1 and 'stages_setup' in read_weights(torch_files[0]).settings:
        return 'redimnet', torch_files[0]
    raise CheckpointError(
        f'{folder}: not the layout of SpeechBrain (hyperparams.yaml), WeSpeaker (config.yaml), 3D-Speaker '
        '(configuration.json), NeMo (*.nemo) or ReDimNet; fetch the weight file and use svtoolkit convert '
        '--from.'
    )


def _named_in(configuration: Path) -> Path | None:
    """Weight file that 3D-Speaker's configuration names (``model.pretrained_model``)."""
    try:
        model = json.loads(configuration.read_text(encoding='utf-8')).get('model', {})
        name = model.get('pretrained_model')
    except (ValueError, AttributeError) as error:
        raise CheckpointError(f'{configuration}: not a configuration ({error}).') from error
    path = configuration.parent / Path(str(name)).name
    return path if path.is_file() else None


def _only(folder: Path, endings: tuple[str, ...]) -> Path:
    found = sorted(path for path in folder.iterdir() if path.suffix in endings)
    if len(found) != 1:
        names = ', '.join(path.name for path in found) or 'none'
        raise CheckpointError(
            f'{folder}: one weight file ({", ".join(endings)}) is needed, found: {names}; fetch the right one '
            'and use svtoolkit convert --from.'
        )
    return found[0]

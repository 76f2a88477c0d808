"""The guarded import of torchaudio, each case in a process of its own with a made-up torchaudio."""

import subprocess
import sys

import pytest

EXTENSION = "raise OSError('libcudart.so.13: cannot open shared object file')"
PLAIN = 'from torchaudio import _extension, transforms'
TRANSFORMS = """
import torchaudio._extension as extension
assert extension._IS_RNNT_AVAILABLE is False
@extension.fail_if_no_align
def forced_align(): pass
"""
CHECK = """
from svtoolkit.audio._torchaudio import load_torchaudio, TorchaudioMissingError
"""


def run(tmp_path, code, package=None):
    for name, text in (package or {}).items():
        path = tmp_path / 'torchaudio' / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    program = f'import sys; sys.path.insert(0, {str(tmp_path)!r}){CHECK}{code}'
    done = subprocess.run([sys.executable, '-c', program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_broken_extension_is_replaced(tmp_path):
    package = {
        '__init__.py': PLAIN,
        '_extension/__init__.py': 'from torchaudio._extension import utils',
        '_extension/utils.py': EXTENSION,
        'transforms.py': TRANSFORMS,
    }
    code = """
torchaudio = load_torchaudio()
assert torchaudio is load_torchaudio() is sys.modules['torchaudio']
try:
    torchaudio.transforms.forced_align()
except RuntimeError as error:
    print(error)
"""
    assert 'compiled extension' in run(tmp_path, code, package)


def test_transformers_beside_a_broken_extension_do_not_stop_mmengine(tmp_path):
    (tmp_path / 'transformers.py').write_text('import torchaudio\nclass Adafactor: pass\n')
    package = {'__init__.py': PLAIN, '_extension.py': EXTENSION, 'transforms.py': ''}
    code = 'import svtoolkit.registry, mmengine.optim; print(mmengine.optim.OPTIMIZERS.get("Adafactor"))'
    assert 'Adafactor' in run(tmp_path, code, package)


def test_a_working_extension_is_left_alone(tmp_path):
    package = {'__init__.py': PLAIN, '_extension.py': 'REAL = True', 'transforms.py': ''}
    assert run(tmp_path, 'print(load_torchaudio()._extension.REAL)', package) == 'True\n'


@pytest.mark.parametrize('package', [
    {'__init__.py': "raise ImportError('torch is too old')"},
    {'__init__.py': PLAIN, '_extension.py': EXTENSION, 'transforms.py': "raise ImportError('and more')"},
])  # fmt: skip
def test_other_faults_are_told_when_resampling_is_needed(tmp_path, package):
    code = """
import numpy as np
from svtoolkit.audio.resample import resample
wave = np.zeros(100, np.float32)
assert resample(wave, 16000, 16000) is wave
try:
    resample(wave, 8000, 16000)
except ImportError as error:
    print(error)
"""
    said = run(tmp_path, code, package)
    assert 'resampling needs torchaudio' in said
    assert 'ImportError: ' in said
    assert 'pip install torchaudio' in said


def test_a_missing_torchaudio_is_told(tmp_path):
    code = """
sys.modules['torchaudio'] = None
try:
    load_torchaudio()
except TorchaudioMissingError as error:
    print(error)
"""
    assert 'resampling needs torchaudio' in run(tmp_path, code)


def test_audio_imports_neither_torch_nor_mmengine():
    code = (
        'import sys; from svtoolkit.audio import codecs, effects, io, quality;'
        "print([name for name in ('torch', 'torchaudio', 'mmengine', 'av') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == '[]', done.stderr

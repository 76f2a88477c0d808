"""Install svtoolkit: ``pip install .`` or ``pip install .[dev]``."""

import re
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent
VERSION = re.search(r"__version__ = '(.+)'", (ROOT / 'svtoolkit/__init__.py').read_text()).group(1)

REQUIRED = [
    'torch>=2.4',
    'torchaudio>=2.4',
    'mmengine>=0.10.7',
    'numpy>=1.26',
    'scipy>=1.11',
    'soundfile>=0.12.1',
    'addict',
    'safetensors>=0.4',
    'click>=8.1',
    'rich>=13',
    'matplotlib>=3.7',
    'tensorboard',
    'packaging',
    'typing_extensions',
    'setuptools; python_version >= "3.12"',
]
EXTRAS = {
    'm4a': ['av>=12'],
    'ssl': ['transformers>=4.40'],
    'hub': ['huggingface_hub>=0.23'],
    'parquet': ['pyarrow>=14'],
    'export': ['onnx>=1.16'],
    'dev': [
        'pytest>=8',
        'pytest-xdist',
        'hypothesis',
        'ruff',
        'mypy',
        'import-linter',
        'scikit-learn',
        'kaldi-native-fbank',
        'av>=12',
    ],
}
EXTRAS['all'] = sorted({package for name, group in EXTRAS.items() if name != 'dev' for package in group})

setup(
    name='svtoolkit',
    version=VERSION,
    description='Speaker verification: who is speaking, proven with a number',
    long_description=(ROOT / 'README.md').read_text() if (ROOT / 'README.md').exists() else '',
    long_description_content_type='text/markdown',
    license='Apache-2.0',
    python_requires='>=3.10',
    packages=find_packages(include=['svtoolkit', 'svtoolkit.*']),
    package_data={'svtoolkit': ['py.typed', 'zoo/models/*/*']},
    install_requires=REQUIRED,
    extras_require=EXTRAS,
    entry_points={'console_scripts': ['svtoolkit = svtoolkit.cli.main:main']},
)

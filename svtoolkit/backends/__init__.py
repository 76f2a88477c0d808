"""Scores from embeddings, with NumPy and SciPy only: usable without torch and without mmengine.

``ALL`` lists what a config may name; ``REGISTRY`` is the same by name.
"""

from svtoolkit.backends import building
from svtoolkit.backends.base import Backend, Part, Transform
from svtoolkit.backends.calibrate import (
    Calibration,
    IsotonicCalibration,
    LogisticCalibration,
    QualityCalibration,
    trial_qualities,
)
from svtoolkit.backends.centre import Centre
from svtoolkit.backends.chain import Chain
from svtoolkit.backends.cohort import Cohort
from svtoolkit.backends.coral import Coral
from svtoolkit.backends.cosine import Cosine
from svtoolkit.backends.fuse import LinearFusion
from svtoolkit.backends.heavy_tailed_plda import HeavyTailedPLDA
from svtoolkit.backends.kaldi_plda import KaldiPLDA
from svtoolkit.backends.lda import LDA
from svtoolkit.backends.length_norm import LengthNorm
from svtoolkit.backends.plda import PLDA
from svtoolkit.backends.score_norm import NormScores, ScoreNorm
from svtoolkit.backends.table import EmbeddingTable
from svtoolkit.backends.threshold import Threshold, scoring_record
from svtoolkit.backends.whiten import Whiten

ALL = (
    LDA,
    PLDA,
    Centre,
    Chain,
    Coral,
    Cosine,
    HeavyTailedPLDA,
    IsotonicCalibration,
    KaldiPLDA,
    LengthNorm,
    LinearFusion,
    LogisticCalibration,
    QualityCalibration,
    ScoreNorm,
    Whiten,
)
REGISTRY = {cls.__name__: cls for cls in ALL}


def build(cfg, registry=REGISTRY):
    """Build a backend from a config; see :func:`svtoolkit.backends.building.build`."""
    return building.build(cfg, registry)


def load(path, registry=REGISTRY):
    """Read a saved backend; see :func:`svtoolkit.backends.building.load`."""
    return building.load(path, registry)


__all__ = [
    'ALL',
    'LDA',
    'PLDA',
    'REGISTRY',
    'Backend',
    'Calibration',
    'Centre',
    'Chain',
    'Cohort',
    'Coral',
    'Cosine',
    'EmbeddingTable',
    'HeavyTailedPLDA',
    'IsotonicCalibration',
    'KaldiPLDA',
    'LengthNorm',
    'LinearFusion',
    'LogisticCalibration',
    'NormScores',
    'Part',
    'QualityCalibration',
    'ScoreNorm',
    'Threshold',
    'Transform',
    'Whiten',
    'build',
    'load',
    'scoring_record',
    'trial_qualities',
]

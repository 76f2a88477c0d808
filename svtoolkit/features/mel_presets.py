"""The log-mel front ends of published systems, by name.

What a checkpoint was trained on decides which of them it needs; none can stand in for another. Sources: the
code of each system, at the places named below. Removing means (and deviations) over time is the work of
``SpeakerPreprocessor``.
"""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class MelOptions:
    """Everything that decides the numbers of ``LogMel``; its docstring explains the options."""

    sample_rate: int = 16000
    num_mel_bins: int = 80
    n_fft: int = 512
    win_length: int = 400
    hop_length: int = 160
    window: str = 'hamming'
    pad_mode: str = 'reflect'
    drop_last: bool = False
    scale: float = 1.0
    standardise: bool = False
    preemphasis: float = 0.97
    preemphasis_start: str = 'reflect'
    low_freq: float = 20.0
    high_freq: float = 7600.0
    mel_scale: str = 'htk'
    mel_norm: str = 'none'
    triangle: str = 'hz'
    log: str = 'ln'
    log_offset: float = 1e-6
    log_floor: float = 0.0
    top_db: float = 0.0


# TaoRuijie/ECAPA-TDNN, model.py; the same in DiffSV. Mean removal.
ECAPA = MelOptions()

# clovaai/voxceleb_trainer, models/ResNetSE34L.py; ResNetSE34V2.py has 64 bins and preemphasis=0.97. Mean and
# deviation over time.
CLOVA = replace(ECAPA, num_mel_bins=40, preemphasis=0.0, low_freq=0.0, high_freq=0.0)

# Neural Scoring (arXiv 2410.16428): int16-scale samples. Mean and deviation over time.
NEURAL_SCORING = replace(ECAPA, low_freq=0.0, high_freq=0.0, scale=32768.0)

# IDRnD/redimnet and PalabraAI/redimnet2, layers/features.py, class MelBanks: 72 or 60 bins and, for some
# models, standardise=True, as the checkpoint says. Mean removal.
REDIMNET = replace(ECAPA, num_mel_bins=72)

# SpeechBrain, lobes/features.py (Fbank) as in its VoxCeleb recipes: decibels, the floor 80 dB under the
# loudest bin of the utterance. Mean removal.
SPEECHBRAIN = replace(
    ECAPA,
    n_fft=400,
    pad_mode='constant',
    preemphasis=0.0,
    low_freq=0.0,
    high_freq=0.0,
    triangle='symmetric',
    log='db',
    log_offset=0.0,
    log_floor=1e-10,
    top_db=80.0,
)

# NVIDIA NeMo, asr/parts/preprocessing/features.py of its main branch: symmetric Hann window, zeros at the
# ends, the last frame is not valid (releases of 2021 mirror the ends and keep it). Mean and deviation over
# time.
NEMO = replace(
    ECAPA,
    window='hann_symmetric',
    pad_mode='constant',
    drop_last=True,
    preemphasis_start='keep',
    low_freq=0.0,
    high_freq=0.0,
    mel_scale='slaney',
    mel_norm='slaney',
    log_offset=2.0**-24,
)

# resemble-ai/Resemblyzer, audio.py: librosa's mel power as it is, no logarithm, no mean removal.
RESEMBLYZER = replace(
    ECAPA,
    num_mel_bins=40,
    n_fft=400,
    window='hann',
    pad_mode='constant',
    preemphasis=0.0,
    low_freq=0.0,
    high_freq=0.0,
    mel_scale='slaney',
    mel_norm='slaney',
    log='none',
)

# librosa.feature.melspectrogram and power_to_db with their defaults, what librosa.feature.mfcc starts from.
LIBROSA = replace(
    RESEMBLYZER,
    num_mel_bins=128,
    n_fft=2048,
    win_length=2048,
    hop_length=512,
    log='db',
    log_offset=0.0,
    log_floor=1e-10,
    top_db=80.0,
)

PRESETS = {
    'ecapa': ECAPA,
    'clova': CLOVA,
    'neural_scoring': NEURAL_SCORING,
    'redimnet': REDIMNET,
    'speechbrain': SPEECHBRAIN,
    'nemo': NEMO,
    'resemblyzer': RESEMBLYZER,
    'librosa': LIBROSA,
}

"""The front end of each toolkit as a config: what its weights were trained on, and no other will do."""


def kaldi_front_end(num_bins: int, window: str, scale: float) -> dict:
    """Kaldi filter bank without dither, mean removed over the utterance.

    WeSpeaker: Hamming window, samples in the int16 range (32768). 3D-Speaker: Povey window, samples in ±1.

    Args:
        num_bins: mel bins.
        window: of ``Fbank``.
        scale: factor on samples in ±1.
    """
    return _preprocessor(dict(type='Fbank', num_mel_bins=num_bins, window=window, scale=scale), 'mean')


def mel_front_end(preset: str, num_bins: int, normalise: str = 'mean') -> dict:
    """One of the presets of ``LogMel``.

    Args:
        preset: of ``LogMel``.
        num_bins: mel bins.
        normalise: of ``SpeakerPreprocessor``.
    """
    return _preprocessor(dict(type='LogMel', preset=preset, num_mel_bins=num_bins), normalise)


def nemo_front_end(num_bins: int) -> dict:
    """NeMo's mel spectrogram, mean 0 and unbiased deviation 1 per bin over the utterance."""
    mel = dict(type='LogMel', preset='nemo', num_mel_bins=num_bins)
    return _preprocessor(dict(type='Standardised', feature=mel, eps=1e-5), 'none')


def mfcc_front_end() -> dict:
    """librosa's 40 cepstral coefficients, as they are."""
    return _preprocessor(dict(type='MFCC', num_coeffs=40), 'none')


def waveform_front_end() -> dict:
    """Samples in ±1 as they are, for networks with filters of their own."""
    return _preprocessor(dict(type='Waveform'), 'none')


def redimnet_front_end(settings: dict) -> dict:
    """ReDimNet's own mel bank, ``MelBanks``, by the ``model_config`` of its checkpoints.

    Args:
        settings: ``F``, ``hop_length`` and ``spec_params`` of it; what is missing is as published.
    """
    given = settings.get('spec_params') or {}
    feature = dict(type='LogMel', preset='redimnet', num_mel_bins=settings.get('F', 72))
    feature['hop_length'] = settings.get('hop_length', 160)
    names = dict(
        sample_rate='sample_rate', n_fft='n_fft', win_length='win_length', f_min='low_freq', f_max='high_freq'
    )
    feature |= {ours: given[theirs] for theirs, ours in names.items() if theirs in given}
    if not given.get('do_preemph', True):
        feature['preemphasis'] = 0.0
    if given.get('norm_signal', False):
        feature['standardise'] = True
    if given.get('spec_norm', 'mn') == 'mvn':
        return _preprocessor(dict(type='Standardised', feature=feature, eps=1e-8), 'none')
    return _preprocessor(feature, 'mean' if given.get('spec_norm', 'mn') == 'mn' else 'none')


def _preprocessor(feature: dict, normalise: str) -> dict:
    return dict(type='SpeakerPreprocessor', feature=feature, normalise=normalise)

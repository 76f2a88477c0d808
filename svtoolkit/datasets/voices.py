"""Synthetic voices: a small deterministic source-filter synthesiser for tests and for a start without data.

A voice has a vocal tract (formant scale, own deviations of each formant and vowel, fixed upper formants, one
antiresonance), a larynx (pitch, pitch range, jitter, open quotient, tilt, breath) and a pace. An utterance is
babble of syllables in phrases with pauses; its pitch, pace, vowels, level and background differ each time, so
the same voice never sounds quite the same. Glottal pulses (KLGLOTT88: Klatt & Klatt 1990) and noise are
filtered frame by frame in the frequency domain by a cascade of formants, and overlap-added.

Everything is made of numbers drawn from the seeds: no recording is involved, no real person resembles a
voice. What is measured on them says that a pipeline works, nothing else. Sample rate 16 kHz.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from svtoolkit.audio.io import write_flac

Array: TypeAlias = NDArray[np.float64]

SAMPLE_RATE = 16000
HOP, SIZE = 160, 320  # samples: 10 ms step, 20 ms Hann windows that add up to one
SMOOTHING = 5  # frames over which formants glide
# First three formants in Hz of a male voice: Peterson & Barney 1952, table II.
VOWELS = np.array(
    [(270, 2290, 3010), (390, 1990, 2550), (530, 1840, 2480), (660, 1720, 2410), (730, 1090, 2440),
     (570, 840, 2410), (440, 1020, 2240), (300, 870, 2240), (640, 1190, 2390), (490, 1350, 1690)], float,
)  # fmt: skip
UPPER_FORMANTS = np.array([3500.0, 4300.0, 5400.0, 6400.0, 7400.0])
BANDWIDTHS = np.array([60.0, 90.0, 130.0, 200.0, 250.0, 350.0, 450.0, 550.0])  # Hz, of F1-F8
# Consonants: F1-F3, loudness of voice, loudness of noise, centre and width of the noise in Hz, seconds.
CONSONANTS = np.array(
    [(320, 1500, 2500, 0.0, 0.30, 5800, 1500, 0.09),  # s
     (320, 1700, 2400, 0.0, 0.35, 3200, 900, 0.09),  # sh
     (320, 1100, 2200, 0.0, 0.10, 4500, 3500, 0.08),  # f
     (300, 1500, 2500, 0.25, 0.15, 5500, 1500, 0.06),  # z
     (250, 1100, 2200, 0.45, 0.0, 3000, 1000, 0.06),  # m
     (250, 1600, 2500, 0.45, 0.0, 3000, 1000, 0.05),  # n
     (350, 1200, 2800, 0.60, 0.0, 3000, 1000, 0.05),  # l
     (350, 1300, 1700, 0.60, 0.0, 3000, 1000, 0.05),  # r
     (300, 2100, 2900, 0.60, 0.0, 3000, 1000, 0.05),  # y
     (200, 1700, 2600, 0.0, 0.02, 4000, 1500, 0.07)],  # the closure of a stop
)  # fmt: skip
STOP, BURST_S = 9, 0.015
IMPOSTORS = 16  # non-target trials for each utterance as enrolment, where there are so many
NOTE = """SYNTHETIC voices, made of numbers by svtoolkit (datasets/voices.py); no recording, no person.
Error rates on them show that a pipeline works; they say nothing about real speech.
"""


@dataclass(frozen=True)
class Voice:
    """One speaker. Formants and pitch in Hz, pitch range and shifts in semitones, tilt in dB an octave."""

    seed: int
    gender: str
    pitch: float
    pitch_range: float
    jitter: float
    open_quotient: float
    tilt: float
    breath: float
    syllables_per_s: float
    formant_scale: float
    own_formants: tuple[float, ...]  # factors on F1-F3
    own_vowels: tuple[tuple[float, ...], ...]  # factors on F1-F3 of each vowel: an accent
    upper_formants: tuple[float, ...]  # F4-F8
    antiresonance: float

    def say(self, seed: int, seconds: float) -> NDArray[np.float32]:
        """Speak an utterance.

        Args:
            seed: of the utterance; the same voice and seed give the same samples.
            seconds: its length, at least 0.2.

        Returns:
            [round(16000 * seconds)] float32, peak 0.1 to 0.8.

        Raises:
            ValueError: shorter than 0.2 s.
        """
        if seconds < 0.2:
            raise ValueError(f'an utterance needs at least 0.2 s, got {seconds}.')
        rng = np.random.default_rng([self.seed, seed, 1])
        num_samples = round(SAMPLE_RATE * seconds)
        plan = _plan(self, rng, -(-num_samples // HOP) + 1)
        wave = _synthesise(self, plan, rng)[:num_samples]
        wave += rng.standard_normal(num_samples) * 10 ** (rng.uniform(-60, -45) / 20) * np.abs(wave).max()
        return (wave * (rng.uniform(0.1, 0.8) / np.abs(wave).max())).astype(np.float32)


def synth_voice(seed: int, gender: str | None = None) -> Voice:
    """Make up a speaker.

    Args:
        seed: the same seed gives the same voice.
        gender: ``f`` or ``m``; None: drawn.
    """
    rng = np.random.default_rng([seed, 0])
    drawn = 'fm'[int(rng.integers(2))]
    gender = gender or drawn
    female = gender == 'f'
    scale = rng.normal(1.16 if female else 1.0, 0.05)  # Peterson & Barney: women 15 to 20 % above men
    return Voice(
        seed=seed,
        gender=gender,
        pitch=(205.0 if female else 118.0) * 2 ** (rng.normal(0, 2.2) / 12),
        pitch_range=rng.uniform(1.5, 4.5),
        jitter=rng.uniform(0.003, 0.015),
        open_quotient=rng.uniform(0.45, 0.75),
        tilt=rng.uniform(-5.0, 0.0),
        breath=rng.uniform(0.005, 0.06),
        syllables_per_s=rng.uniform(3.2, 5.5),
        formant_scale=scale,
        own_formants=tuple(rng.normal(1, 0.05, 3)),
        own_vowels=tuple(map(tuple, rng.normal(1, 0.04, VOWELS.shape))),
        upper_formants=tuple(scale * rng.normal(UPPER_FORMANTS, 0.05 * UPPER_FORMANTS)),
        antiresonance=scale * rng.uniform(4600, 5600),
    )


class Corpus(NamedTuple):
    """Files of a corpus: all utterances, those of training and held-out voices, trials of the latter."""

    manifest: Path
    train: Path
    test: Path
    trials: Path


def write_corpus(
    folder: str | os.PathLike[str],
    num_speakers: int = 20,
    utts_per_speaker: int = 10,
    seconds: float = 3.0,
    seed: int = 0,
    num_held_out: int | None = None,
) -> Corpus:
    """Write synthetic speech as a corpus (FLAC, manifests, trials); the same arguments give the same bytes.

    Speakers are called ``SYNTHETIC_0000`` and so on, women and men in turn; utterances last 0.7 to 1.3 times
    ``seconds``. ``manifest.tsv``, ``train.tsv`` and ``test.tsv`` have the columns ``utt path speaker duration
    gender``; ``trials.txt`` has lines ``label enrol test`` over the held-out voices: all pairs of one voice
    (label 1), and up to 16 impostors for each utterance.

    Args:
        folder: made if it is not there.
        num_speakers: all voices, at least 4.
        utts_per_speaker: at least 2.
        seconds: mean length of an utterance, at least 0.3.
        seed: of everything.
        num_held_out: voices only in ``test.tsv``, at least 2; None: a quarter.

    Raises:
        ValueError: a number is too small, or fewer than 2 training voices are left.
    """
    if num_held_out is None:
        num_held_out = max(2, num_speakers // 4)
    num_trained = num_speakers - num_held_out
    if min(num_held_out, num_trained, utts_per_speaker) < 2 or seconds < 0.3:
        raise ValueError(
            f'needs 2 voices to train, 2 held out, 2 utterances each and 0.3 s, got {num_trained}, '
            f'{num_held_out}, {utts_per_speaker} and {seconds}.'
        )
    folder = Path(folder)
    rows: list[tuple[str, ...]] = []
    for number in range(num_speakers):
        voice = synth_voice(seed * 1_000_003 + number, 'fm'[number % 2])
        speaker = f'SYNTHETIC_{number:04d}'
        (folder / 'audio' / speaker).mkdir(parents=True, exist_ok=True)
        lengths = np.random.default_rng([seed, number, 2]).uniform(0.7, 1.3, utts_per_speaker) * seconds
        for utterance, length in enumerate(lengths):
            wave = voice.say(utterance, float(length))
            utt = f'{speaker}-{utterance:03d}'
            path = f'audio/{speaker}/{utt}.flac'
            write_flac(folder / path, wave, SAMPLE_RATE)
            rows.append((utt, path, speaker, f'{len(wave) / SAMPLE_RATE:.4f}', voice.gender))
    split = num_trained * utts_per_speaker
    corpus = Corpus(*(folder / name for name in ('manifest.tsv', 'train.tsv', 'test.tsv', 'trials.txt')))
    for place, part in zip(corpus, (rows, rows[:split], rows[split:])):
        _write_lines(place, [('utt', 'path', 'speaker', 'duration', 'gender'), *part], '\t')
    _write_lines(corpus.trials, _trials(rows[split:], np.random.default_rng([seed, 3])), ' ')
    (folder / 'SYNTHETIC.txt').write_text(NOTE, encoding='utf-8')
    return corpus


def _trials(rows: list[tuple[str, ...]], rng: np.random.Generator) -> list[tuple[str, ...]]:
    speakers = np.array([row[2] for row in rows])
    trials: list[tuple[str, ...]] = []
    for number, (utt, *_) in enumerate(rows):
        same = np.flatnonzero(speakers == speakers[number])
        others = np.flatnonzero(speakers != speakers[number])
        impostors = rng.choice(others, min(IMPOSTORS, len(others)), replace=False)
        trials += [('1', utt, rows[other][0]) for other in same if other > number]
        trials += [('0', utt, rows[other][0]) for other in sorted(impostors)]
    return trials


def _write_lines(path: Path, rows: list[tuple[str, ...]], separator: str) -> None:
    path.write_text(''.join(separator.join(row) + '\n' for row in rows), encoding='utf-8')


@dataclass(frozen=True)
class _Plan:
    """What the mouth does in each 10 ms frame, [N] each, formants [N, 8]."""

    formants: Array
    voicing: Array
    noise: Array
    noise_centre: Array
    noise_width: Array
    pitch: Array


def _plan(voice: Voice, rng: np.random.Generator, num_frames: int) -> _Plan:
    """Draw sounds until the time is filled, then let them glide into each other."""
    # formants 0-2, voice 3, noise 4, centre 5, width 6, pitch in semitones 7
    sounds: list[tuple[float, ...]] = []
    frames: list[int] = []
    pace = voice.syllables_per_s * 2 ** rng.normal(0, 0.15)
    shift = rng.normal(0, 0.8)
    own = np.array(voice.own_formants) * voice.formant_scale * rng.normal(1, 0.01, 3)

    def add(formants: Array, rest: tuple[float, ...], seconds: float) -> None:
        sounds.append((*(formants * own), *rest))
        frames.append(max(1, round(seconds * 100)))

    neutral = np.array([500.0, 1500.0, 2500.0])
    while sum(frames) < num_frames:
        count = int(rng.integers(3, 9))
        add(neutral, (0.0, 0.0, 3000, 1000, shift), rng.uniform(0.08, 0.35) if sounds else 0.05)  # pause
        for syllable in range(count):
            tone = shift + voice.pitch_range * (0.5 - syllable / count + rng.normal(0, 0.3))
            for kind in rng.integers(len(CONSONANTS), size=int(rng.integers(0, 3)) if syllable else 1):
                *_, loud, noise, centre, width, seconds = CONSONANTS[kind]
                rest = (loud, noise, centre * voice.formant_scale, width, tone)
                add(CONSONANTS[kind, :3], rest, seconds * rng.uniform(0.8, 1.3))
                if kind == STOP:
                    add(CONSONANTS[kind, :3], (0.0, 0.5, rng.uniform(1500, 4500), 1500, tone), BURST_S)
            vowel = int(rng.integers(len(VOWELS)))
            formants = VOWELS[vowel] * np.array(voice.own_vowels[vowel]) * rng.normal(1, 0.03, 3)
            length = rng.uniform(0.6, 1.2) * (1.4 if syllable == count - 1 else 1.0) * 0.6 / pace
            add(formants, (rng.uniform(0.6, 1.0), 0.0, 3000, 1000, tone + rng.normal(0, 0.5)), length)
    track = np.repeat(np.array(sounds), frames, axis=0)[:num_frames]
    track[:, :3] = _smooth(track[:, :3], SMOOTHING)
    track[:, 3:5] = _smooth(track[:, 3:5], 3)
    track[:, 7] = _smooth(track[:, 7:], 9)[:, 0]
    upper = np.tile(voice.upper_formants, (num_frames, 1))
    return _Plan(
        formants=np.concatenate([track[:, :3], upper], axis=1),
        voicing=track[:, 3],
        noise=track[:, 4],
        noise_centre=track[:, 5],
        noise_width=track[:, 6],
        pitch=voice.pitch * 2 ** (track[:, 7] / 12),
    )


def _synthesise(voice: Voice, plan: _Plan, rng: np.random.Generator) -> Array:
    """Filter source and noise of each frame, then overlap-add. [N] frames -> [160 N] samples."""
    num_frames = len(plan.pitch)
    length = (num_frames + 1) * HOP
    noise = rng.standard_normal(length)
    pulses = _glottal_pulses(voice, plan.pitch, length, rng)
    window = np.hanning(SIZE + 1)[:SIZE]
    cut = np.lib.stride_tricks.sliding_window_view
    pulse_bins = np.fft.rfft(cut(pulses, SIZE)[::HOP] * window, 2 * SIZE)  # [N, bins]
    noise_bins = np.fft.rfft(cut(noise, SIZE)[::HOP] * window, 2 * SIZE)

    hz = np.fft.rfftfreq(2 * SIZE, 1 / SAMPLE_RATE)
    octaves = np.log2(np.maximum(hz, 300) / 300)
    tilt = 10 ** (voice.tilt * octaves / 20)
    dip = 1 - 0.8 / (1 + ((hz - voice.antiresonance) / 250) ** 2)
    spread = np.exp(-0.5 * ((hz - plan.noise_centre[:, None]) / plan.noise_width[:, None]) ** 2)
    excitation = plan.voicing[:, None] * (tilt * pulse_bins + voice.breath * noise_bins)
    spectrum = _tract(plan.formants, hz) * excitation + plan.noise[:, None] * spread * noise_bins
    blocks = np.fft.irfft(spectrum * dip, 2 * SIZE).reshape(num_frames, 4, HOP)
    output = np.zeros((num_frames + 3, HOP))
    for part in range(4):
        output[part : part + num_frames] += blocks[:, part]
    return output[:num_frames].reshape(-1)


def _tract(formants: Array, hz: NDArray[np.floating]) -> NDArray[np.complex128]:
    """Cascade of second-order resonators with unit gain at 0 Hz: formants [N, 8] -> response [N, bins]."""
    response = np.ones((len(formants), len(hz)), np.complex128)
    for number, bandwidth in enumerate(BANDWIDTHS):
        centre = formants[:, number, None] ** 2 + (bandwidth / 2) ** 2
        response *= centre / (centre - hz**2 + 1j * bandwidth * hz)
    return response


def _glottal_pulses(voice: Voice, pitch: Array, length: int, rng: np.random.Generator) -> Array:
    """Derivative of the glottal flow, with jitter and shimmer that change from one period to the next."""
    times = np.arange(length) / HOP
    hz = np.interp(times, np.arange(len(pitch)), pitch)
    clean = np.cumsum(hz) / SAMPLE_RATE
    knots = np.arange(int(clean[-1]) + 3)
    wobble = voice.jitter * rng.standard_normal(len(knots))
    phase = clean + np.interp(clean, knots, wobble)
    cycle = np.floor(phase).astype(int)
    inside = (phase - cycle) / voice.open_quotient
    flow = np.where(
        inside < 1, 2 * inside - 3 * inside**2, 0.0
    )  # d/dt of t^2 (1 - t), closed after the open part
    shimmer = 1 + 4 * voice.jitter * rng.standard_normal(len(knots) + 1)
    return flow * shimmer[np.clip(cycle, 0, len(knots))]


def _smooth(track: Array, frames: int) -> Array:
    """Moving average over time, [N, k] -> [N, k]; the ends are repeated."""
    padded = np.pad(track, ((frames // 2 + 1, frames // 2), (0, 0)), mode='edge')
    total = np.cumsum(padded, axis=0)
    return (total[frames:] - total[:-frames]) / frames

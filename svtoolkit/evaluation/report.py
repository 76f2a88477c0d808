"""One evaluation as one HTML page that needs nothing else: no network, no scripts, sound and pictures inside."""

import os
from collections.abc import Sequence
from html import escape
from pathlib import Path

import numpy as np

from svtoolkit.datasets.manifest import Manifest
from svtoolkit.errors import ManifestError
from svtoolkit.evaluation import plots
from svtoolkit.evaluation.comparing import Comparison
from svtoolkit.evaluation.hard_errors import HardTrial, Player, clips_for, hardest, slice_columns
from svtoolkit.evaluation.page import page, table
from svtoolkit.evaluation.protocol import PRIORS, Evaluation
from svtoolkit.metrics.rates import bayes_threshold, prior_key
from svtoolkit.metrics.slices import SliceReport, slices
from svtoolkit.metrics.thresholds import rates_at

FIGURES = {
    'EER': ('equal error rate', True),
    'AUC': ('area under the ROC curve', False),
    'Cllr': ('cost of the likelihood ratios, bits', False),
    'minCllr': ('Cllr that calibration could reach, bits', False),
}


def write_report(
    evaluation: Evaluation,
    path: str | Path,
    manifests: Sequence[Manifest] = (),
    audio: bool = True,
    count: int = 6,
    rounds: int = 200,
    comparison: Comparison | None = None,
) -> Path:
    """Write the page of an evaluation.

    Args:
        evaluation: of a labelled list.
        path: the HTML file.
        manifests: of its recordings, for slices and sound.
        audio: embed the first seconds of the hardest errors.
        count: misses and false alarms shown, each.
        rounds: of the bootstrap of each slice; 0 for no intervals.
        comparison: with another system on the same trials.

    Raises:
        ManifestError: the list has no labels.
    """
    trials = evaluation.trials
    if trials.label is None or evaluation.threshold is None:
        raise ManifestError(f"list '{evaluation.name}' has no labels; a report needs the truth.")
    parts = slice_list(evaluation, manifests, rounds)
    wrong, silent = hard_trials(evaluation, manifests, audio, count)
    body = [
        ('Figures', _figures(evaluation)),
        ('Compared', '' if comparison is None else _compared(comparison)),
        ('Thresholds', _thresholds(evaluation)),
        ('Parts of the list', _slices(parts)),
        ('Pictures', _pictures(evaluation)),
        ('Hardest errors', _errors(wrong, audio, silent)),
        ('Scoring', _scoring(evaluation)),
    ]
    targets = int(np.count_nonzero(trials.label))
    lead = (
        f'{targets} same-speaker and {len(trials) - targets} different-speaker trials of '
        f'{len(evaluation.trials.ids)} {"models and recordings" if evaluation.models else "recordings"}'
    )
    if 'num_speakers' in evaluation.summary:
        lead += f', {evaluation.summary["num_speakers"]} speakers'
    text = page(f'Evaluation: {evaluation.name}', lead + '.', body)
    path = Path(path)
    part = path.with_name(f'.{path.name}.{os.getpid()}.tmp')
    part.write_text(text, encoding='utf-8')
    os.replace(part, path)
    return path


def slice_list(evaluation: Evaluation, manifests: Sequence[Manifest], rounds: int) -> SliceReport | None:
    """Error rates of parts of the list by every column of the manifests; None without columns."""
    trials, threshold = evaluation.trials, evaluation.threshold
    columns = slice_columns(manifests, trials, evaluation.models)
    if not columns or trials.label is None or threshold is None:
        return None
    owner = None
    if evaluation.speakers and rounds:
        owner = np.array([evaluation.speakers[name] for name in trials.ids])
    return slices(
        evaluation.scores,
        trials.label,
        columns,
        threshold.value,
        enrol_speakers=None if owner is None else owner[trials.enrol],
        test_speakers=None if owner is None else owner[trials.test],
        rounds=rounds,
    )


def hard_trials(
    evaluation: Evaluation, manifests: Sequence[Manifest], audio: bool, count: int
) -> tuple[list[HardTrial], list[str]]:
    """The worst misses, then the worst false alarms, with sound where wanted and found; and why it was not."""
    trials, scores, threshold = evaluation.trials, evaluation.scores, evaluation.threshold
    if threshold is None:
        return [], []
    rows = {missed: hardest(trials, scores, threshold.value, missed, count) for missed in (True, False)}
    used = [
        (missed, row, trials.ids[trials.enrol[row]], trials.ids[trials.test[row]])
        for missed, found in rows.items()
        for row in found
    ]

    def spoken(name: str) -> str:
        return evaluation.models.get(name, (name,))[0]

    clips = clips_for(manifests, [spoken(name) for item in used for name in item[2:]]) if audio else {}
    player = Player(clips)
    found = [
        HardTrial(
            a,
            b,
            (evaluation.speakers.get(a, ''), evaluation.speakers.get(b, '')),
            float(scores[row]),
            missed,
            (player.sound(spoken(a)), player.sound(spoken(b))),
        )
        for missed, row, a, b in used
    ]
    return found, player.faults


def _figures(evaluation: Evaluation) -> str:
    summary, rows = evaluation.summary, []
    names = dict(FIGURES)
    for prior in PRIORS:
        key = prior_key(prior)
        names[f'minDCF_{key}'] = (f'least detection cost, prior {prior:g}', False)
        names[f'actDCF_{key}'] = (f'cost at the Bayes threshold, prior {prior:g}', False)
    order = ['EER', *(name for name in names if 'DCF' in name), 'Cllr', 'minCllr', 'AUC']
    for name in order:
        if name not in summary:
            continue
        words, percent = names[name]
        value = f'{100 * summary[name]:.2f} %' if percent else f'{summary[name]:.4f}'
        ci = summary.get('ci', {}).get(name)
        spread = '' if ci is None else (
            f'{100 * ci[0]:.2f} to {100 * ci[1]:.2f} %' if percent else f'{ci[0]:.4f} to {ci[1]:.4f}'
        )  # fmt: skip
        rows.append((escape(name.replace('_p', ' p=0.')), escape(words), f'<strong>{value}</strong>', spread))
    note = (
        '<p class="note">Intervals: 95 %, speakers drawn again with replacement (1,000 rounds unless asked '
        'otherwise). Costs count a miss and a false alarm alike and are divided by the cost of never '
        'looking.</p>'
        if 'ci' in summary
        else '<p class="note">No intervals: the speakers of the list are not known.</p>'
    )
    return table(('figure', 'what it is', 'value', '95 % interval'), rows, numeric=(2, 3)) + note


def _compared(comparison: Comparison) -> str:
    model = escape(comparison.fingerprint or 'unknown')
    lead = f'<p>Against {escape(comparison.scoring)}, model <code>{model}</code>.</p>'
    rows = [(escape(name.replace('_p', ' p=0.')), *map(escape, cells)) for name, *cells in comparison.rows()]
    heads = ('figure', 'here', 'there', 'difference', '95 % interval', 'here is')
    note = (
        '<p class="note">Both systems under the same 1,000 draws of speakers; better or worse only where the '
        'interval of the difference leaves out zero.</p>'
    )
    return lead + table(heads, rows, numeric=(1, 2, 3, 4)) + note


def _thresholds(evaluation: Evaluation) -> str:
    threshold, summary, label = evaluation.threshold, evaluation.summary, evaluation.trials.label
    if threshold is None or label is None:
        return ''
    brought = bool(evaluation.fixed)
    source = 'brought along, tuned on another list' if brought else 'tuned on this very list'
    points = [(f'{threshold.criterion}', threshold.value, source, True)]
    for prior in PRIORS:
        value = summary.get(f'threshold_{prior_key(prior)}')
        if value is not None:
            points.append((f'least cost, prior {prior:g}', value, 'tuned on this very list', False))
    if 'Cllr' in summary:
        points += [
            (
                f'Bayes, prior {prior:g}',
                bayes_threshold(prior),
                'theory: the scores are likelihood ratios',
                False,
            )
            for prior in PRIORS
        ]
    rows = []
    for name, value, origin, chosen in points:
        far, frr = rates_at(evaluation.scores, label, value)
        mark = '<strong>' if chosen else ''
        close = '</strong>' if chosen else ''
        rows.append(
            (
                f'{mark}{escape(name)}{close}',
                f'{value:.4f}',
                f'{100 * far:.3f} %',
                f'{100 * frr:.3f} %',
                origin,
            )
        )
    note = '' if brought else (
        '<p class="note">A threshold judged on the list it was tuned on looks better than it is: use it on '
        'another list before trusting its rates.</p>'
    )  # fmt: skip
    heads = ('threshold', 'value', 'false acceptances', 'false rejections', 'source')
    return table(heads, rows, numeric=(1, 2, 3)) + note


def _slices(parts: SliceReport | None) -> str:
    if parts is None:
        return '<p>No columns: name a manifest with columns such as gender or duration.</p>'
    rows = []
    for part in parts.rows:
        ci = '' if part.ci is None else f'{100 * part.ci[0]:.2f} to {100 * part.ci[1]:.2f} %'
        cells = [escape(part.column), escape(part.value), str(part.num_targets), str(part.num_nontargets)]
        cells += ['' if rate is None else f'{100 * rate:.2f} %' for rate in (part.eer, part.far, part.frr)]
        rows.append((*cells[:5], ci, *cells[5:]))
    heads = ('column', 'value', 'same', 'different', 'EER alone', '95 % interval', 'FAR', 'FRR')
    marked = None if parts.worst is None else parts.rows.index(parts.worst)
    text = table(heads, rows, numeric=(2, 3, 4, 5, 6, 7), marked=marked)
    if parts.worst is not None:
        worst = parts.worst
        text = (
            f'<p>Worst part: <strong>{escape(worst.column)} = {escape(worst.value)}</strong>, EER '
            f'{100 * (worst.eer or 0):.2f} % (of parts with at least 30 trials of each kind).</p>' + text
        )
    note = '<p class="note">FAR and FRR are at the one threshold of the whole list.</p>'
    return f'{text}{note}'


def _pictures(evaluation: Evaluation) -> str:
    scores, label = evaluation.scores, evaluation.trials.label
    if label is None or evaluation.threshold is None:
        return ''
    value = evaluation.threshold.value
    systems = {evaluation.name: (scores, label)}
    found = [
        ('Detection error trade-off', lambda axes: plots.draw_det(axes, systems)),
        ('ROC', lambda axes: plots.draw_roc(axes, systems)),
        ('Scores', lambda axes: plots.draw_histogram(axes, scores, label, value)),
    ]
    if 'Cllr' in evaluation.summary:
        found += [
            ('Reliability', lambda axes: plots.draw_reliability(axes, scores, label, 0.5)),
            ('Tippett plot', lambda axes: plots.draw_tippett(axes, scores, label)),
        ]
    drawn = (
        f'<figure>{plots.svg(draw, title)}<figcaption>{title}</figcaption></figure>' for title, draw in found
    )
    return f'<div class="pictures">{"".join(drawn)}</div>'


def _errors(wrong: list[HardTrial], audio: bool, silent: list[str]) -> str:
    text = []
    for missed, title in ((True, 'Misses: one speaker, taken for two'), (False, 'False alarms: two speakers, taken for one')):  # fmt: skip
        rows = []
        for trial in wrong:
            if trial.missed is not missed:
                continue
            sides = zip((trial.enrol, trial.test), trial.speakers, trial.sounds)
            cells = [_side(*side) for side in sides]
            rows.append((f'{trial.score:.4f}', *cells))
        found = table(('score', 'enrolment', 'test'), rows, numeric=(0,)) if rows else '<p>None.</p>'
        text.append(f'<h3>{title}</h3>{found}')
    if audio and wrong and not any(sound for trial in wrong for sound in trial.sounds):
        text.append('<p class="note">No sound: name a manifest whose recordings are at hand.</p>')
    if silent:
        text.append(f'<p class="note">Not readable: {escape("; ".join(dict.fromkeys(silent)))}</p>')
    return ''.join(text)


def _side(name: str, speaker: str, sound: str | None) -> str:
    player = '' if sound is None else f'<br><audio controls preload="metadata" src="{sound}"></audio>'
    who = f' <span class="note">({escape(speaker)})</span>' if speaker else ''
    return f'<code>{escape(name)}</code>{who}{player}'


def _scoring(evaluation: Evaluation) -> str:
    record = evaluation.record
    rows = [
        ('scoring', escape(evaluation.scoring)),
        ('model fingerprint', f'<code>{escape(evaluation.fingerprint or "unknown")}</code>'),
        ('score normalisation', escape(str(record.get('norm_mode', 'none')))),
        ('nearest cohort entries', escape(str(record.get('topn') or ''))),
        ('cohort', f'<code>{escape(str(record.get("cohort_hash") or ""))}</code>'),
        ('crops', escape(str(record.get('crops') or 'whole utterances'))),
        ('lists of recordings', '<br>'.join(escape(path) for path in evaluation.manifests)),
    ]
    return table(('', ''), [row for row in rows if row[1] not in ('', '<code></code>')])

"""All figures of one trial list in one dictionary, ready for JSON; fractions, never percent."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from svtoolkit.metrics.calibration import cllr, min_cllr_of
from svtoolkit.metrics.checks import trial_arrays
from svtoolkit.metrics.curve import error_curve
from svtoolkit.metrics.intervals import speaker_bootstrap
from svtoolkit.metrics.rates import act_dcf, auc, eer, eer_threshold, min_dcf, prior_key


def summarise(
    scores: ArrayLike,
    labels: ArrayLike,
    enrol_speakers: ArrayLike | None = None,
    test_speakers: ArrayLike | None = None,
    priors: Sequence[float] = (0.01, 0.05),
    llr: bool = True,
    rounds: int = 1000,
    seed: int = 0,
) -> dict[str, Any]:
    """Error rates, costs, calibration and thresholds of a list, with intervals when speakers are given.

    Args:
        scores: [n], finite, higher = more alike; natural-log likelihood ratios where ``llr`` is True.
        labels: [n] bool, True = same speaker; both kinds must occur.
        enrol_speakers: [n], the speaker of each enrolment; with ``test_speakers`` gives intervals.
        test_speakers: [n], the speaker of each test.
        priors: of the same speaker, one ``minDCF`` and ``actDCF`` each (unit costs).
        llr: False leaves out ``Cllr`` and ``actDCF``, which mean something for likelihood ratios only.
        rounds: draws of speakers; 0 leaves out the intervals.
        seed: of the draws.

    Returns:
        ``EER``, ``minDCF_p01``, ``minDCF_p05``, ``actDCF_p01``, ``actDCF_p05``, ``Cllr``, ``minCllr``,
        ``AUC``, ``threshold_eer``, ``threshold_p01``, ``threshold_p05`` (of the least cost; None where
        rejecting everything is cheapest), ``num_targets``, ``num_nontargets``, all plain numbers; with
        speakers also ``num_speakers`` and ``ci``, a dictionary from a name to [low, high], 95 %.

    Raises:
        ValueError: see ``trial_arrays`` and ``speaker_bootstrap``; only one side's speakers given.
    """
    if (enrol_speakers is None) != (test_speakers is None):
        raise ValueError('give the speakers of both sides, enrol_speakers and test_speakers, or of neither.')
    values, truth = trial_arrays(scores, labels)
    curve = error_curve(values, truth)
    keys = [prior_key(prior) for prior in priors]
    costs = [min_dcf(curve, prior) for prior in priors]
    result: dict[str, Any] = {'EER': eer(curve)}
    result |= {f'minDCF_{key}': cost for key, (cost, _) in zip(keys, costs)}
    if llr:
        result |= {f'actDCF_{key}': act_dcf(values, truth, prior) for key, prior in zip(keys, priors)}
        result['Cllr'] = cllr(values, truth)
    result |= {'minCllr': min_cllr_of(curve), 'AUC': auc(curve)}
    measured = list(result)
    result['threshold_eer'] = eer_threshold(curve)
    for key, (_, threshold) in zip(keys, costs):
        result[f'threshold_{key}'] = threshold if np.isfinite(threshold) else None
    result |= {'num_targets': int(curve.num_targets), 'num_nontargets': int(curve.num_nontargets)}
    if enrol_speakers is not None and test_speakers is not None:
        result['num_speakers'] = len(np.union1d(np.asarray(enrol_speakers), np.asarray(test_speakers)))
        if rounds:
            intervals = speaker_bootstrap(
                values, truth, enrol_speakers, test_speakers, measured, rounds=rounds, seed=seed
            )
            result['ci'] = {name: [interval.low, interval.high] for name, interval in intervals.items()}
    return result

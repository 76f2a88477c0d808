"""Two systems on one list: what differs, and whether other speakers would say the same."""

from dataclasses import dataclass

import numpy as np

from svtoolkit.errors import ManifestError, list_faults
from svtoolkit.evaluation.protocol import PRIORS, Evaluation
from svtoolkit.metrics.intervals import Difference, paired_bootstrap
from svtoolkit.metrics.rates import prior_key


@dataclass(frozen=True)
class Comparison:
    """One system against another on the same trials.

    Attributes:
        scoring: of the other system, in words.
        fingerprint: of the other's model.
        changes: figure -> this system against the other.
    """

    scoring: str
    fingerprint: str
    changes: dict[str, Difference]

    def rows(self) -> list[tuple[str, ...]]:
        """Figure, value here, value there, difference, its interval, and what that says, as text."""
        found: list[tuple[str, ...]] = []
        for name, change in self.changes.items():
            scale, unit, digits = (100, ' %', 2) if name == 'EER' else (1, '', 4)
            here, there = (f'{scale * value:.{digits}f}{unit}' for value in (change.a, change.b))
            difference, low, high = (
                f'{scale * value:+.{digits}f}{unit}' for value in (change.difference, change.low, change.high)
            )
            found.append((name, here, there, difference, f'{low} to {high}', verdict(change)))
        return found

    def lines(self) -> list[str]:
        """One line per figure, for a terminal."""
        return [
            f'{name}: {here}, against {there}: {difference} [{spread}], {word}'
            for name, here, there, difference, spread, word in self.rows()
        ]


def compare(first: Evaluation, second: Evaluation, rounds: int = 1000) -> Comparison:
    """Differences of all figures both have, first less second, on the same draws of speakers.

    Args:
        first: of a labelled list whose speakers are known.
        second: of the same trials, in any order.
        rounds: of the bootstrap.

    Raises:
        ManifestError: a list without labels or speakers, or two lists that are not the same.
    """
    if first.trials.label is None or second.trials.label is None or not first.speakers:
        raise ManifestError(f"list '{first.name}': a comparison needs labels and the speakers of the list.")
    (pairs, left), (others, right) = _sorted(first), _sorted(second)
    if pairs != others:
        here, there = set(pairs), set(others)
        only = [f'{" ".join(pair)} (here)' for pair in sorted(here - there)]
        only += [f'{" ".join(pair)} (there)' for pair in sorted(there - here)]
        raise ManifestError(
            list_faults(
                f'{len(pairs)} trials here, {len(others)} there: systems are compared on the same trials; in one '
                f'list only are {len(only)} pairs:',
                only,
                10,
            )
        )
    names = ['EER', *(f'minDCF_{prior_key(prior)}' for prior in PRIORS), 'minCllr']
    if 'Cllr' in first.summary and 'Cllr' in second.summary:
        names += [*(f'actDCF_{prior_key(prior)}' for prior in PRIORS), 'Cllr']
    owner = np.array([first.speakers[name] for name in first.trials.ids])
    changes = paired_bootstrap(
        first.scores[left],
        second.scores[right],
        first.trials.label[left],
        owner[first.trials.enrol[left]],
        owner[first.trials.test[left]],
        names,
        rounds=rounds,
    )
    return Comparison(second.scoring, second.fingerprint, changes)


def verdict(change: Difference) -> str:
    """What an interval says of a cost: only one without zero makes a system better or worse."""
    if change.high < 0:
        return 'better'
    return 'worse' if change.low > 0 else 'no difference shown'


def _sorted(found: Evaluation) -> tuple[list[tuple[str, str]], np.ndarray]:
    """Names of both sides of all trials, sorted, and the rows of the list in that order."""
    ids, trials = found.trials.ids, found.trials
    pairs = [(ids[a], ids[b]) for a, b in zip(trials.enrol.tolist(), trials.test.tolist())]
    order = sorted(range(len(pairs)), key=pairs.__getitem__)
    return [pairs[row] for row in order], np.array(order)

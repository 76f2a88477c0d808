"""Prior-weighted logistic regression, the one solver behind calibration and fusion.

Minimises, over weights w and offset b, with ``llr = w'x + b`` and prior P,

    P mean_targets log(1 + exp(-llr - logit P)) + (1 - P) mean_nontargets log(1 + exp(llr + logit P))
    + ridge / 2 |w * std(x)|^2

Brummer et al. 2007 (FoCal). Convex: Newton steps with halving, to machine precision.
"""

import numpy as np

from svtoolkit.backends.base import Array

MAX_STEPS = 100


def fit_logistic(features: Array, labels: Array, prior: float, ridge: float = 1e-10) -> tuple[Array, float]:
    """Weights and offset of the log likelihood ratio.

    Args:
        features: [n, k] float64, finite.
        labels: [n] bool, both kinds.
        prior: of a target, inside (0, 1).
        ridge: keeps the answer finite when the kinds do not overlap.

    Returns:
        weights [k] and offset: ``llr = features @ weights + offset``.
    """
    mean, std = features.mean(axis=0), features.std(axis=0)
    std = np.where(std > 0, std, 1.0)
    design = np.column_stack([(features - mean) / std, np.ones(len(features))])
    weight = np.where(labels, prior / labels.sum(), (1 - prior) / (~labels).sum())
    sign = np.where(labels, 1.0, -1.0)
    logit = np.log(prior / (1 - prior))
    penalty = np.append(np.full(features.shape[1], ridge), 0.0)

    def cost(theta: Array) -> float:
        loss = np.logaddexp(0.0, -sign * (design @ theta + logit))
        return float(weight @ loss + 0.5 * penalty @ theta**2)

    theta, value = np.zeros(design.shape[1]), np.inf
    value = cost(theta)
    for _ in range(MAX_STEPS):
        error = weight * _sigmoid(-sign * (design @ theta + logit))  # share of each trial that is wrong
        gradient = penalty * theta - design.T @ (error * sign)
        curve = error * _sigmoid(sign * (design @ theta + logit))
        hessian = design.T @ (design * curve[:, None]) + np.diag(penalty + 1e-12)
        step = np.linalg.solve(hessian, gradient)
        scale = 1.0
        while cost(theta - scale * step) > value and scale > 1e-10:
            scale /= 2
        new = cost(theta - scale * step)
        if new >= value:
            break
        theta, value = theta - scale * step, new
        if np.abs(step).max() < 1e-10:
            break
    weights = theta[:-1] / std
    return weights, float(theta[-1] - weights @ mean)


def check_scores(scores: Array, labels: Array) -> tuple[Array, Array]:
    """Scores as [n, k] float64 and labels as [n] bool, fit to learn from.

    Raises:
        ValueError: lengths differ, a score is not finite, or one kind of trial is missing.
    """
    scores = np.asarray(scores, dtype=np.float64)
    scores = scores[:, None] if scores.ndim == 1 else scores
    labels = np.asarray(labels).astype(bool)
    if scores.ndim != 2 or labels.shape != scores.shape[:1]:
        raise ValueError(
            f'scores of shape {scores.shape} and labels of shape {labels.shape}: one label per trial.'
        )
    if not np.isfinite(scores).all():
        raise ValueError(f'{int((~np.isfinite(scores)).sum())} scores or measures are NaN or infinite.')
    if labels.all() or not labels.any():
        raise ValueError(f'{len(labels)} trials, {int(labels.sum())} of them targets: both kinds are needed.')
    return scores, labels


def _sigmoid(x: Array) -> Array:
    return 0.5 * (1 + np.tanh(0.5 * x))

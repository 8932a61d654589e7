"""Loss functions. `reduction` is "none", "mean" or "sum" over all losses; ValueError otherwise."""

from __future__ import annotations

import math
from typing import Literal

from quern import core as mx

__all__ = [
    "binary_cross_entropy",
    "cosine_similarity_loss",
    "cross_entropy",
    "gaussian_nll_loss",
    "hinge_loss",
    "huber_loss",
    "kl_div_loss",
    "l1_loss",
    "log_cosh_loss",
    "margin_ranking_loss",
    "mse_loss",
    "nll_loss",
    "smooth_l1_loss",
    "triplet_loss",
]

Reduction = Literal["none", "mean", "sum"]


def _reduce(loss: mx.array, reduction: Reduction = "none") -> mx.array:
    if reduction == "mean":
        return mx.mean(loss)
    if reduction == "sum":
        return mx.sum(loss)
    if reduction == "none":
        return loss
    raise ValueError("Invalid reduction. Must be 'none', 'mean', or 'sum'.")


def _check_same_shape(name_a: str, a: mx.array, name_b: str, b: mx.array):
    if a.shape != b.shape:
        raise ValueError(
            f"{name_a.capitalize()} shape {a.shape} does not match {name_b} shape {b.shape}."
        )


def cross_entropy(
    logits: mx.array,
    targets: mx.array,
    weights: mx.array | None = None,
    axis: int = -1,
    label_smoothing: float = 0.0,
    reduction: Reduction = "none",
) -> mx.array:
    """logsumexp(logits) minus the logit of the target class, or its mean under target
    probabilities, over `axis`.

    - `logits`: unnormalised, any shape.
    - `targets`: class indices, of the shape of logits without `axis`, or probabilities, of the
      shape of logits.
    - `weights`: factors of the losses, of their shape (the shape of logits without `axis`).
    - `label_smoothing`: how much of the probability is spread evenly, in [0, 1). Default: 0.
    """
    if label_smoothing < 0 or label_smoothing >= 1:
        raise ValueError(f"Label smoothing must in [0, 1), got {label_smoothing}.")
    as_probabilities = targets.ndim == logits.ndim

    def without_axis(shape):
        shape = list(shape)
        shape.pop(axis)
        return tuple(shape)

    expected = logits.shape if as_probabilities else without_axis(logits.shape)
    if targets.shape != expected:
        raise ValueError(
            f"Targets shape {targets.shape} does not match logits shape {logits.shape}."
        )

    if as_probabilities:
        score = mx.sum(logits * targets, axis=axis)
    else:
        score = mx.take_along_axis(logits, mx.expand_dims(targets, axis), axis)
        score = score.squeeze(axis)
    if label_smoothing > 0:
        mean = logits.mean(axis=axis)
        score = (1 - label_smoothing) * score + label_smoothing * mean
    loss = mx.logsumexp(logits, axis=axis) - score

    if weights is not None:
        _check_same_shape("weights", weights, "loss", loss)
        loss = loss * weights
    return _reduce(loss, reduction)


def binary_cross_entropy(
    inputs: mx.array,
    targets: mx.array,
    weights: mx.array | None = None,
    with_logits: bool = True,
    reduction: Reduction = "mean",
) -> mx.array:
    """-(targets * log(p) + (1 - targets) * log(1 - p)), p the sigmoid of the inputs.

    - `inputs`, `targets`: of one shape; targets in [0, 1].
    - `weights`: factors of the losses, of the same shape.
    - `with_logits`: with False the inputs are p itself; the logarithms are then kept above -100.
    """
    _check_same_shape("inputs", inputs, "targets", targets)
    if with_logits:
        loss = mx.logaddexp(0.0, inputs) - inputs * targets
    else:
        log_p = mx.clip(mx.log(inputs), a_min=-100, a_max=None)
        log_not_p = mx.clip(mx.log(1 - inputs), a_min=-100, a_max=None)
        loss = -(targets * log_p + (1 - targets) * log_not_p)
    if weights is not None:
        _check_same_shape("weights", weights, "loss", loss)
        loss = loss * weights
    return _reduce(loss, reduction)


def l1_loss(
    predictions: mx.array, targets: mx.array, reduction: Reduction = "mean"
) -> mx.array:
    """|predictions - targets|, of one shape."""
    _check_same_shape("predictions", predictions, "targets", targets)
    return _reduce(mx.abs(predictions - targets), reduction)


def mse_loss(
    predictions: mx.array, targets: mx.array, reduction: Reduction = "mean"
) -> mx.array:
    """(predictions - targets)^2, of one shape."""
    _check_same_shape("predictions", predictions, "targets", targets)
    return _reduce(mx.square(predictions - targets), reduction)


def nll_loss(
    inputs: mx.array, targets: mx.array, axis: int = -1, reduction: Reduction = "none"
) -> mx.array:
    """Minus the log probability of the target class along `axis`.

    - `inputs`: log probabilities.
    - `targets`: class indices, of the shape of inputs without `axis`.
    """
    picked = mx.take_along_axis(inputs, mx.expand_dims(targets, axis), axis)
    return _reduce(-picked.squeeze(axis), reduction)


def gaussian_nll_loss(
    inputs: mx.array,
    targets: mx.array,
    vars: mx.array,
    full: bool = False,
    eps: float = 1e-6,
    reduction: Reduction = "mean",
) -> mx.array:
    """0.5 (log(v) + (inputs - targets)^2 / v), v = max(vars, eps): minus the log likelihood of
    the targets under normal distributions with means `inputs` and variances `vars`.

    All of one shape. `full` (default False) adds the constant 0.5 log(2 pi).
    """
    _check_same_shape("inputs", inputs, "targets", targets)
    _check_same_shape("inputs", inputs, "vars", vars)
    vars = mx.maximum(vars, eps)
    loss = 0.5 * (mx.log(vars) + mx.square(targets - inputs) / vars)
    if full:
        loss = loss + 0.5 * math.log(2 * math.pi)
    return _reduce(loss, reduction)


def kl_div_loss(
    inputs: mx.array, targets: mx.array, axis: int = -1, reduction: Reduction = "none"
) -> mx.array:
    """sum(exp(targets) * (targets - inputs)) over `axis`; both are log probabilities."""
    loss = mx.sum(mx.exp(targets) * (targets - inputs), axis)
    return _reduce(loss, reduction)


def smooth_l1_loss(
    predictions: mx.array,
    targets: mx.array,
    beta: float = 1.0,
    reduction: Reduction = "mean",
) -> mx.array:
    """0.5 d^2 / beta where d = |predictions - targets| < beta, else d - 0.5 beta."""
    _check_same_shape("predictions", predictions, "targets", targets)
    d = mx.abs(predictions - targets)
    loss = mx.where(d < beta, 0.5 * mx.square(d) / beta, d - 0.5 * beta)
    return _reduce(loss, reduction)


def triplet_loss(
    anchors: mx.array,
    positives: mx.array,
    negatives: mx.array,
    axis: int = -1,
    p: int = 2,
    margin: float = 1.0,
    eps: float = 1e-6,
    reduction: Reduction = "none",
) -> mx.array:
    """max(|anchors - positives| - |anchors - negatives| + margin, 0), in the p-norm over `axis`.

    `eps` is added to the sum of the p-th powers before the root.
    """

    def distance(a, b):
        return mx.power(mx.power(mx.abs(a - b), p).sum(axis) + eps, 1 / p)

    loss = distance(anchors, positives) - distance(anchors, negatives) + margin
    return _reduce(mx.maximum(loss, 0), reduction)


def hinge_loss(
    inputs: mx.array, targets: mx.array, reduction: Reduction = "none"
) -> mx.array:
    """max(0, 1 - inputs * targets); targets are -1 or 1."""
    return _reduce(mx.maximum(1 - inputs * targets, 0), reduction)


def huber_loss(
    inputs: mx.array,
    targets: mx.array,
    delta: float = 1.0,
    reduction: Reduction = "none",
) -> mx.array:
    """0.5 d^2 where d = |inputs - targets| <= delta, else delta (d - 0.5 delta)."""
    d = mx.abs(inputs - targets)
    loss = mx.where(d <= delta, 0.5 * mx.square(d), delta * (d - 0.5 * delta))
    return _reduce(loss, reduction)


def log_cosh_loss(
    inputs: mx.array, targets: mx.array, reduction: Reduction = "none"
) -> mx.array:
    """log(cosh(inputs - targets)), without overflow."""
    d = inputs - targets
    return _reduce(mx.logaddexp(d, -d) - math.log(2), reduction)


def cosine_similarity_loss(
    x1: mx.array,
    x2: mx.array,
    axis: int = 1,
    eps: float = 1e-8,
    reduction: Reduction = "none",
) -> mx.array:
    """x1 . x2 / max(|x1| |x2|, eps) over `axis`: the similarity itself, greater is more alike."""
    norms = mx.linalg.norm(x1, axis=axis) * mx.linalg.norm(x2, axis=axis)
    loss = mx.sum(x1 * x2, axis=axis) / mx.maximum(norms, eps)
    return _reduce(loss, reduction)


def margin_ranking_loss(
    inputs1: mx.array,
    inputs2: mx.array,
    targets: mx.array,
    margin: float = 0.0,
    reduction: Reduction = "none",
) -> mx.array:
    """max(0, -targets * (inputs1 - inputs2) + margin); all of one shape.

    Targets are 1 where inputs1 should be ranked higher, -1 where inputs2.
    """
    if not (inputs1.shape == inputs2.shape == targets.shape):
        raise ValueError(
            "The shapes of the arguments do not match. The provided shapes are "
            f"inputs1.shape={inputs1.shape}, inputs2.shape={inputs2.shape}, and "
            f"targets.shape={targets.shape}."
        )
    loss = mx.maximum(0, -targets * (inputs1 - inputs2) + margin)
    return _reduce(loss, reduction)

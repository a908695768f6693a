"""The linear probe that minimises the weighted cross entropy over given codes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]

RIDGE: Final = 1e-9
"""Weight of |W|^2 / 2 beside the mean loss."""

_CLOSE: Final = 1e-4
"""Relative decrease of the loss in a step, below which labels do not change any more."""

_FLOOR: Final = 1e-6  # least share of the largest spread that a direction is scaled up from


def fit_probe(
    codes: npt.NDArray[np.float16] | Float32,
    labels: npt.NDArray[np.int64],
    weights: Float32,
    classes: int,
    head: Float32 | None = None,
    *,
    ridge: float = RIDGE,
    iterations: int = 100,
    watch: Callable[[int], None] = lambda done: None,
) -> Float32:
    """Find W that minimises sum_i s_i CE(W z_i, y_i) / sum_i s_i + ridge |W|^2 / 2 for embeddings z = A c.

    All of it happens in the space of codes. With A = Q R (Q^T Q = 1), z = Q u and u = R c, and the best W has
    no part outside Q: W = U Q^T with |W| = |U|. The C numbers u are moreover turned and scaled to have second
    moments 1, in which L-BFGS needs few steps. The problem is convex: where it starts does not matter.

    Parameters
    ----------
    codes
        (N, C).
    labels
        (N,), class from 0.
    weights
        (N,), s >= 0.
    classes
        K; those without a code learn that they are none.
    head
        A, (D, C); None where codes are embeddings.
    ridge
        >= 0.
    iterations
        Of L-BFGS, at most.
    watch
        Told how many are done.

    Returns
    -------
    W, (K, D) float32.

    Raises
    ------
    ValueError
        There are less than two classes with weight.
    """
    from scipy.optimize import minimize

    if len(np.unique(labels[weights > 0])) < 2:
        raise ValueError("a probe needs pixels of two classes or more")
    basis, triangle = _orthogonal(head)
    features = codes.astype(np.float32) if triangle is None else codes.astype(np.float32) @ triangle.T
    share = weights / weights.sum(dtype=np.float64)
    turn, spread = _moments(features, share)
    features = features @ (turn / np.sqrt(spread)).astype(np.float32)
    problem = _Problem(features, labels, share.astype(np.float32), ridge / spread)
    done = 0

    def tell(_: Float64) -> None:
        nonlocal done
        done += 1
        watch(done)

    start = np.zeros(classes * features.shape[1])
    options = {"maxiter": iterations, "maxcor": 20, "ftol": _CLOSE, "gtol": 1e-7}
    found = minimize(problem, start, method="L-BFGS-B", jac=True, options=options, callback=tell)
    rows = found.x.reshape(classes, -1) / np.sqrt(spread) @ turn.T
    weight: Float32 = (rows if basis is None else rows @ basis.T).astype(np.float32)
    return weight


class _Problem:
    """The loss and its gradient, as SciPy asks for them."""

    def __init__(
        self, features: Float32, labels: npt.NDArray[np.int64], share: Float32, ridge: Float64
    ) -> None:
        self._features, self._labels, self._share, self._ridge = features, labels, share, ridge
        self._rows = np.arange(len(labels))

    def __call__(self, flat: Float64) -> tuple[float, Float64]:
        weight = flat.reshape(-1, self._features.shape[1])
        logits = self._features @ weight.astype(np.float32).T
        logits -= logits.max(axis=1, keepdims=True)
        own = logits[self._rows, self._labels].astype(np.float64)
        np.exp(logits, out=logits)
        total = logits.sum(axis=1)
        loss = float(self._share @ (np.log(total) - own))
        logits *= (self._share / total)[:, None]
        logits[self._rows, self._labels] -= self._share
        gradient = (logits.T @ self._features).astype(np.float64) + self._ridge * weight
        return loss + 0.5 * float((self._ridge * weight**2).sum()), gradient.ravel()


def _orthogonal(head: Float32 | None) -> tuple[Float64 | None, Float32 | None]:
    """Return Q (D, r) and R (r, C) of A = Q R; None for the identity."""
    if head is None:
        return None, None
    basis, triangle = np.linalg.qr(head.astype(np.float64))
    return basis, triangle.astype(np.float32)


def _moments(features: Float32, share: Float64) -> tuple[Float64, Float64]:
    """Return the directions and the second moments of features, the least ones raised."""
    moment = (features * share[:, None].astype(np.float32)).T.astype(np.float64) @ features
    spread, turn = np.linalg.eigh(moment)
    return turn, np.maximum(spread, _FLOOR * spread[-1])

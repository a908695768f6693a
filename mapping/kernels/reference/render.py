"""Reference of `mapping.kernels.render`: every ray is met with every cell."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Int32 = npt.NDArray[np.int32]
Int64 = npt.NDArray[np.int64]
UInt64 = npt.NDArray[np.uint64]

FAINTEST = 1.0 / 255.0
DARK = 0.02


def trace(
    origin: Float64,
    axes: Float64,
    x_ray: Float64,
    y_ray: Float64,
    box: Int64,
    near: float,
    far: float,
    block_key: Int64,
    block_mask: UInt64,
    block_first: Int32,
    brick_mask: UInt64,
    brick_first: Int32,
    gaussians: Float32,
    rows: Int64,
    full: float,
    margin: float,
    hit_row: Int32,
    hit_weight: Float32,
    hit_depth: Float32,
    start: int,
    stop: int,
) -> None:
    """Find the cells that each pixel sees, and how much of its light comes from each."""
    hit_row[start:stop], hit_weight[start:stop], hit_depth[start:stop] = -1, 0, 0
    cells = _cells(block_key, block_mask, block_first, brick_mask, brick_first)
    g = gaussians.astype(np.float64)
    B = np.stack([g[:, [3, 4, 5]], g[:, [4, 6, 7]], g[:, [5, 7, 8]]], axis=1)
    for p in range(start, stop):
        d = axes @ np.array([x_ray[p], y_ray[p], 1.0])
        with np.errstate(divide="ignore", invalid="ignore"):
            sides = np.sort(np.stack([cells - origin, cells + 1 - origin]) / d, axis=0)
        enter, leave = np.maximum(sides[0].max(axis=1), near), sides[1].min(axis=1)
        s, likelihood = np.zeros(len(cells)), np.ones(len(cells))
        if full > 0:
            r = g[:, :3] + cells - (origin + enter[:, None] * d)
            Bd = B @ d
            s = (Bd * r).sum(axis=1) / (Bd * d).sum(axis=1)
            slack = margin / np.linalg.norm(d)
            s = np.clip(s, -slack, leave - enter + slack)
            r = r - s[:, None] * d
            likelihood = np.minimum(1, np.exp(-0.5 * np.einsum("ni,nij,nj->n", r, B, r)) / full)
        crossed = np.flatnonzero((enter < leave) & (enter < far))
        light, count = 1.0, 0
        for cell in crossed[np.argsort(enter[crossed])]:
            weight = light * g[cell, 9] * likelihood[cell]
            if weight <= FAINTEST or light < DARK or count == hit_row.shape[1]:
                continue
            light -= weight
            hit_row[p, count] = rows[cell]
            hit_weight[p, count] = weight + (light if light < DARK else 0)
            hit_depth[p, count] = enter[cell] + s[cell]
            count += 1


def blend(hit_row: Int32, hit_weight: Float32, values: Float32, out: Float32) -> None:
    """Average what the cells of each pixel hold by their shares of the light."""
    weight = np.where(hit_row >= 0, hit_weight, np.float32(0))
    with np.errstate(invalid="ignore"):
        out[:] = np.einsum("pk,pkc->pc", weight, values[hit_row]) / weight.sum(axis=1, keepdims=True)


def blend_facing(hit_row: Int32, hit_weight: Float32, planes: Float32, eye: Float64, out: Float32) -> None:
    """Average the normals of the cells of each pixel, each turned toward the camera, to a unit vector."""
    normal = planes[hit_row, :3].astype(np.float64)
    share = np.where(hit_row >= 0, hit_weight, 0) * np.where(normal @ eye < planes[hit_row, 3], -1, 1)
    mixed = np.einsum("pk,pkc->pc", share, normal)
    with np.errstate(invalid="ignore"):
        out[:] = mixed / np.linalg.norm(mixed, axis=1, keepdims=True)


def vote(hit_row: Int32, hit_weight: Float32, labels: Int64, out: Int64) -> None:
    """Take the label with the largest share of each pixel's light; of equals the nearer one."""
    label = np.where(hit_row >= 0, labels[hit_row], 0)
    same = (label[:, :, None] == label[:, None, :]) & (label[:, None, :] > 0)
    share = np.zeros(label.shape, np.float32)
    for k in range(label.shape[1]):
        share += np.where(same[:, :, k], hit_weight[:, k, None], np.float32(0))
    place = share.argmax(axis=1)[:, None]
    best = np.take_along_axis(label, place, axis=1)
    out[:] = np.where(np.take_along_axis(share, place, axis=1) > 0, best, 0)[:, 0]


def median(hit_row: Int32, hit_weight: Float32, out: Int32) -> None:
    """Find the hit at which half of each pixel's light is reached."""
    so_far = np.cumsum(hit_weight, axis=1, dtype=np.float32)
    count = (hit_row >= 0).sum(axis=1)
    reached = (so_far < np.float32(0.5) * so_far[:, -1:]).sum(axis=1)
    out[:] = np.where(count > 0, np.minimum(reached, count - 1), -1)


def _cells(*tree: npt.NDArray[Any]) -> Float64:
    """Return the indices (n, 3) of all cells in the order of the tree."""
    block_key, block_mask, block_first, brick_mask, brick_first = tree
    found: dict[int, tuple[int, ...]] = {}
    for block, key in enumerate(block_key):
        corner = np.array([key >> 30, key >> 15 & 0x7FFF, key & 0x7FFF]) * 64
        for place, brick in _children(block_mask, block_first, block):
            inner = corner + _offset(place) * 8
            for local, cell in _children(brick_mask, brick_first, brick):
                found[cell] = tuple(inner + _offset(local))
    return np.array([found[cell] for cell in sorted(found)], np.float64).reshape(-1, 3)


def _children(mask: UInt64, first: Int32, node: int) -> list[tuple[int, int]]:
    """Return places and numbers of the children of a node."""
    children = []
    for word in range(8):
        bits = [bit for bit in range(64) if int(mask[node, word]) >> bit & 1]
        children += [(word * 64 + bit, int(first[node, word]) + k) for k, bit in enumerate(bits)]
    return children


def _offset(place: int) -> Int64:
    return np.array([place >> 6, place >> 3 & 7, place & 7])

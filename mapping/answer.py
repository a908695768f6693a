"""Asking a map: from query vectors to ranked hits, or to the reason why there are none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from mapping.hits import Hit, find_hits
from mapping.query import DEFAULT_THREADS, scores, unit_directions
from mapping.relevancy import RelevancyRule, rule_for

if TYPE_CHECKING:
    from mapping.voxel_map import VoxelMap

_BATCH: Final = 12  # queries in one pass over the codes; bounds the memory for their scores


@dataclass(frozen=True, slots=True)
class Answer:
    """What a map says to one query.

    Attributes
    ----------
    similarity
        (n,) float32 cosine of each cell with the query.
    relevancy
        (n,) float32 in [0, 1], by which the hits were found; the heat to look at.
    lead
        (n,) float32 cosine with the query less the largest cosine with a negative.
    threshold
        Relevancy from which cells counted.
    hits
        Best first; may be empty.
    reason
        Why there is no hit, in words; empty if there are hits.
    """

    similarity: npt.NDArray[np.float32]
    relevancy: npt.NDArray[np.float32]
    lead: npt.NDArray[np.float32]
    threshold: float
    hits: list[Hit]
    reason: str


def ask(
    voxel_map: VoxelMap,
    vectors: npt.ArrayLike,
    negatives: npt.ArrayLike,
    *,
    threshold: float | None = None,
    rule: RelevancyRule | None = None,
    top: int | None = 10,
    min_cells: int | None = None,
    threads: int = DEFAULT_THREADS,
) -> Iterator[Answer]:
    """Answer queries one after the other.

    Parameters
    ----------
    voxel_map
        A map with embeddings; compact maps too.
    vectors
        (Q, D) float, text embeddings of the queries, in the space of the map.
    negatives
        (M, D) float, embeddings of what a hit must not be: those of `relevancy.CANONICAL_NEGATIVES` and of
        the user's own phrases.
    threshold
        Relevancy in (0, 1) from which a cell counts; by default that of the rule.
    rule
        How cosines are judged; by default the one of the map's embedding space.
    top, min_cells
        As in `find_hits`.
    threads
        Threads for the pass over the codes.

    Yields
    ------
    One answer a query, in order.

    Raises
    ------
    ValueError
        If the map has no embeddings, the vectors do not fit it, there is no negative, or an option is out of
        range.
    """
    rule = rule or rule_for(voxel_map.space)
    if threshold is not None:
        rule = replace(rule, threshold=threshold)
    queries, against = unit_directions(voxel_map, vectors), unit_directions(voxel_map, negatives)
    if len(against) == 0:
        raise ValueError("negatives must hold at least one vector, got none")

    def answers() -> Iterator[Answer]:
        floor = None
        for start in range(0, len(queries), _BATCH):
            batch = queries[start : start + _BATCH]
            both = scores(
                voxel_map, batch if floor is not None else np.vstack([batch, against]), threads=threads
            )
            if floor is None:
                floor = both[len(batch) :].max(axis=0, keepdims=True)
            for similarity in both[: len(batch)]:
                yield _answer(voxel_map, similarity, floor, rule, top, min_cells)

    return answers()


def at_threshold(voxel_map: VoxelMap, answer: Answer, threshold: float, *, top: int | None = 10) -> Answer:
    """Give an answer again with another threshold, without another pass over the codes.

    Parameters
    ----------
    voxel_map
        The map that gave the answer by the rule of its own embedding space.
    answer
        What it said.
    threshold
        Relevancy in (0, 1) from which a cell counts.
    top
        As in `find_hits`.

    Raises
    ------
    ValueError
        If the threshold is out of range.
    """
    rule = replace(rule_for(voxel_map.space), threshold=threshold)
    hits = find_hits(voxel_map, answer.lead, rule, top=top)
    reason = "" if hits else _why_none(answer.relevancy, rule)
    return replace(answer, threshold=threshold, hits=hits, reason=reason)


def _answer(
    voxel_map: VoxelMap,
    similarity: npt.NDArray[np.float32],
    floor: npt.NDArray[np.float32],
    rule: RelevancyRule,
    top: int | None,
    min_cells: int | None,
) -> Answer:
    relevancy = rule.relevancy(similarity, floor)
    lead = similarity - floor[0]
    hits = find_hits(voxel_map, lead, rule, top=top, min_cells=min_cells)
    reason = "" if hits else _why_none(relevancy, rule)
    return Answer(similarity, relevancy, lead, rule.threshold, hits, reason)


def _why_none(relevancy: npt.NDArray[np.float32], rule: RelevancyRule) -> str:
    if len(relevancy) == 0:
        return "the map has no cells"
    best = float(relevancy.max())
    if best < rule.threshold:
        return (
            f"nothing in the map is like it: the best cell has relevancy {best:.2f}, below {rule.threshold:g}"
        )
    few = int((relevancy >= rule.threshold).sum())
    return f"only stray cells are like it ({few} above relevancy {rule.threshold:g}), none of them a thing"

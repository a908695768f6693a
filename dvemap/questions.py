"""Asking a map in words: the map's own text encoder turns them into vectors, the map does the rest."""

from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

from mapping import CANONICAL_NEGATIVES, Answer, Hit, VoxelMap, ask, load
from student import TextEncoder, load_text_encoder

_encoder_of = cache(load_text_encoder)  # a prompt asks many times; its model is loaded once


def text_encoder_of(voxel_map: VoxelMap, wanted: str | None = None) -> TextEncoder:
    """Return the text encoder whose words a map understands.

    Parameters
    ----------
    voxel_map : VoxelMap
    wanted : str, optional
        The encoder that the user named.

    Returns
    -------
    TextEncoder

    Raises
    ------
    ValueError
        If the map has no embedding space, the space has no text encoder, another one was named, or the map
        has no cells.
    """
    if not voxel_map.code_dim:
        raise ValueError(
            "this map holds shape and colour only and cannot be asked in words; "
            "fuse with --encoder labels or --encoder FOLDER"
        )
    own = voxel_map.space.get("text_encoder")
    name = voxel_map.space.get("name")
    if own is None:
        raise ValueError(f"the embedding space {name!r} of this map has no text encoder; use label --probe")
    if wanted is not None and wanted != own:
        raise ValueError(
            f"this map's embedding space {name!r} understands the text encoder {own!r}, got {wanted!r}; "
            f"use --text-encoder {own}, or leave the option out"
        )
    refuse_empty(voxel_map)
    return _encoder_of(own)


def refuse_empty(voxel_map: VoxelMap) -> None:
    """Raise ValueError if a map has no cells."""
    if not len(voxel_map):
        raise ValueError("this map is empty: no frame with usable depth was fused into it")


def answers(
    voxel_map: VoxelMap,
    texts: Sequence[str],
    *,
    negatives: Sequence[str] = (),
    top: int | None = 10,
    threshold: float | None = None,
    text_encoder: str | None = None,
    threads: int = 2,
) -> Iterator[Answer]:
    """Answer texts one after the other.

    Parameters
    ----------
    voxel_map : VoxelMap
        A map with an embedding space.
    texts : sequence of str
        What to look for.
    negatives : sequence of str
        What a hit must not rather be, beside the canonical negatives ("object", "things", ...).
    top : int or None
        Most hits to return for each text; None for all.
    threshold : float, optional
        Least relevancy of a cell, in (0, 1).
    text_encoder : str, optional
        Refused unless it is the map's own.
    threads : int
        Threads that read the codes.

    Yields
    ------
    Answer
        One a text: heat on all cells and ranked hits.

    Raises
    ------
    ValueError
        If a text is empty or not Unicode, the map has no cells or codes, or the text encoder is not its own.
    """
    if not all(text.strip() for text in texts):
        raise ValueError("the text is empty; say what to look for, for example 'chair'")
    if not all(text.strip() for text in negatives):
        raise ValueError("a phrase of --not is empty; say what a hit must not be, for example 'sofa'")
    for text in (*texts, *negatives):
        if any("\ud800" <= letter <= "\udfff" for letter in text):
            raise ValueError(f"the text {text!r} is not Unicode; type it in the encoding of your locale")
    words = text_encoder_of(voxel_map, text_encoder)
    against = words.encode([*CANONICAL_NEGATIVES, *negatives])
    return ask(voxel_map, words.encode(list(texts)), against, threshold=threshold, top=top, threads=threads)


def query(
    voxel_map: VoxelMap | str | Path,
    text: str,
    *,
    negatives: Sequence[str] = (),
    top: int | None = 10,
    threshold: float | None = None,
    text_encoder: str | None = None,
) -> list[Hit]:
    """Find what a text means in a map.

    Parameters
    ----------
    voxel_map : VoxelMap or path
    text : str
        What to look for, for example `"massage chair"`.
    negatives, top, threshold, text_encoder
        See `answers`.

    Returns
    -------
    list of Hit
        Best first; empty where the map holds nothing like it.

    Raises
    ------
    ValueError
        See `answers`.
    """
    if not isinstance(voxel_map, VoxelMap):
        voxel_map = load(voxel_map)
    found = answers(
        voxel_map, [text], negatives=negatives, top=top, threshold=threshold, text_encoder=text_encoder
    )
    return next(found).hits

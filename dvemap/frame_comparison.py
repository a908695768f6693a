"""A run of `dvemap eval frames` against an earlier one."""

import json
from pathlib import Path
from typing import Any

from dvemap.frame_evaluation import FrameScore


def check_against(score: FrameScore, path: Path, tolerance: float) -> list[tuple[str, float, float]]:
    """Compare with the JSON of an earlier run.

    Parameters
    ----------
    score : FrameScore
    path : Path
        What `dvemap eval frames --json` printed.
    tolerance : float
        How far a mean IoU may be below the earlier one.

    Returns
    -------
    list of tuple
        Decoder, its mean IoU then, and now; only those that fell by more.

    Raises
    ------
    ValueError
        If the file is not of such a run, or of another comparison.
    """
    earlier = read_earlier(path)
    if earlier["class_list"] != score.classes.name or earlier["frames"] != score.frames:
        raise ValueError(
            f"{path}: is of {earlier['frames']} frames and {earlier['class_list']!r}, this run of "
            f"{score.frames} and {score.classes.name!r}; compare runs over the same data"
        )
    missing = sorted(set(earlier["decoders"]) - set(score.decoders))
    if missing:
        raise ValueError(f"{path}: judged {missing[0]!r}, which this run did not; give the same options")
    pairs = (
        (name, entry["miou"], score.decoders[name].metrics.miou)
        for name, entry in earlier["decoders"].items()
    )
    return [(name, then, now) for name, then, now in pairs if now < then - tolerance]


def read_earlier(path: Path) -> dict[str, Any]:
    """Read the JSON of an earlier run.

    Raises
    ------
    ValueError
        If it is none.
    """
    try:
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        for entry in record["decoders"].values():
            float(entry["miou"])
        int(record["frames"]), str(record["class_list"])
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(
            f"{path}: expected what `dvemap eval frames --json` printed, got {error!r}"
        ) from None
    return record

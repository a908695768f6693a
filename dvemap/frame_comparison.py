"""A run of `dvemap eval frames` against an earlier one."""

import json
from pathlib import Path
from typing import Any

from dvemap.frame_evaluation import FrameScore


def compare_with(score: FrameScore, path: Path) -> list[tuple[str, float, float]]:
    """Compare with the JSON of an earlier run.

    Parameters
    ----------
    score : FrameScore
    path : Path
        What `dvemap eval frames --json` printed.

    Returns
    -------
    list of tuple
        Decoder, its mean IoU then, and now.

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
    if earlier.get("class_names", list(score.classes.names)) != list(score.classes.names):
        raise ValueError(f"{path}: is of other classes than this run; compare runs over the same data")
    missing = sorted(set(earlier["decoders"]) - set(score.decoders))
    if missing:
        raise ValueError(f"{path}: judged {missing[0]!r}, which this run did not; give the same options")
    return [
        (name, entry["miou"], score.decoders[name].metrics.miou)
        for name, entry in earlier["decoders"].items()
    ]


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

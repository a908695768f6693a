"""What can be shown of a map, and the views of it that are found without asking."""

from enum import StrEnum


class Show(StrEnum):
    """What can be shown."""

    color = "color"
    depth = "depth"
    normals = "normals"
    labels = "labels"
    heat = "heat"
    pca = "pca"
    confidence = "confidence"


class View(StrEnum):
    """Places that are found without asking."""

    overview = "overview"
    plan = "plan"
    eye = "eye"
    hit = "hit"

    @property
    def outside(self) -> bool:
        """Whether one looks in from outside."""
        return self in (View.overview, View.plan)

"""The students that come with the package, as exported folders."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from student.student_folder import FILE_NAME

FOLDER: Final = Path(__file__).parent / "shipped_students"


def shipped() -> dict[str, Path]:
    """Return the folders of the students that come with the package, by name."""
    return {path.parent.name: path.parent for path in sorted(FOLDER.glob(f"*/{FILE_NAME}"))}

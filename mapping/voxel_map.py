"""The map: sums per cell, and what changes them.

Every field is a commutative and associative integer sum (or a minimum, or a maximum), so the map depends
neither on the order of frames nor on the number of threads nor on the shape of a merge tree.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt

from mapping.cells import CellTable
from mapping.fields import Fields
from mapping.frame_tables import FrameScratch
from mapping.fusion import FrameReport, fuse
from mapping.map_view import MapView
from mapping.merge import check_mergeable, merge_into
from mapping.observation import Observation
from mapping.occupancy import OccupancyRows, OccupancyTable
from mapping.settings import FusionSettings

if TYPE_CHECKING:
    from mapping.sample import Samples


class VoxelMap(MapView):
    """An NDT voxel map whose cells carry embeddings.

    Parameters
    ----------
    cell_size
        Edge h of a cell, metres.
    code_dim
        Numbers C of a code; 0 for a map of shape, colour and occupancy alone.
    code_scale
        Fixed-point steps of 1.0 in a code sum. A contribution is clipped at +-71,582 steps.
    space
        The embedding space, plain values: {"name", "dimension", "text_encoder"}.
    head
        (D, C) float32, embedding = normalise(head @ code); None for the identity.
    settings
        How frames are weighed.

    Raises
    ------
    ValueError
        If an argument is out of range or the head does not fit the codes.

    Examples
    --------
    >>> room = VoxelMap(cell_size=0.05)
    >>> report = room.integrate(depth, intrinsics, T_world_camera, rgb=rgb)  # doctest: +SKIP
    """

    _scratch: FrameScratch | None = None

    @classmethod
    def from_fields(
        cls,
        *,
        cell_size: float,
        code_dim: int,
        code_scale: float,
        space: dict[str, Any] | None,
        head: npt.NDArray[np.float32] | None,
        fields: Fields,
        occupancy: OccupancyRows,
        embedding_norm: npt.NDArray[np.float32] | None = None,
        compact: str | None = None,
        code_row_scale: npt.NDArray[np.float32] | None = None,
        settings: FusionSettings | None = None,
    ) -> Self:
        """Wrap ready arrays, which may be read-only and memory-mapped.

        Nothing is copied until the map is changed for the first time.

        Parameters
        ----------
        cell_size, code_dim, code_scale, space, head, settings
            As in the constructor.
        fields
            Rows with distinct keys; sorted by key they are found by binary search.
        occupancy
            Sorted by key.
        embedding_norm
            (n,) float32, |head @ code|; computed on demand if None.
        compact
            "fp16" or "int8" if the codes are no longer exact sums; such a map answers but cannot change.
        code_row_scale
            (n,) float32 factor that takes a row of compact codes back to code units.
        """
        wrapped = cls(cell_size, code_dim, code_scale=code_scale, space=space, head=head, settings=settings)
        n = len(fields)
        shapes = {"s": (n, 3), "Q": (n, 6), "color": (n, 3), "code": (n, code_dim)}
        for name in Fields.__slots__:
            expected, got = shapes.get(name, (n,)), getattr(fields, name).shape
            if got != expected:
                raise ValueError(f"field {name} must have shape {expected}, got {got}")
        wrapped._fields = fields
        wrapped._occupancy = occupancy
        wrapped._embedding_norm = embedding_norm
        wrapped.compact = compact
        wrapped.code_row_scale = code_row_scale
        return wrapped

    def sample(self, points: npt.ArrayLike, max_distance: float | None = None) -> Samples:
        """Find the cell that most likely holds each point: see `mapping.sample`.

        Parameters
        ----------
        points
            (p, 3) float, metres, world axes.
        max_distance
            Metres between a point and the mean of its cell; None: only the 27 cells around it limit it.

        Returns
        -------
        Samples
            `row` (p,) int64, -1 where no cell is near, and their scores.
        """
        from mapping.sample import sample  # it reads maps, so it cannot be imported above

        return sample(self, points, max_distance)

    def render(
        self,
        intrinsics: npt.ArrayLike,
        T_world_camera: npt.ArrayLike,
        size: tuple[int, int],
        **options: Any,
    ) -> dict[str, npt.NDArray[Any]]:
        """Render the map as a camera would see it: see `mapping.rendering.render`.

        Parameters
        ----------
        intrinsics
            (3, 3) pinhole matrix, pixels.
        T_world_camera
            (4, 4) rigid pose, OpenCV axes, metres.
        size
            Height and width of the pictures.
        options
            `channels`, and what these take: `labels`, `heat`; `threads`.

        Returns
        -------
        dict of str to ndarray
            A picture for each channel, colour and depth by default.
        """
        from mapping.rendering import render  # it reads maps, so it cannot be imported above

        return render(self, intrinsics, T_world_camera, size, **options)

    def integrate(
        self,
        depth: npt.NDArray[np.float32],
        intrinsics: npt.NDArray[np.float64],
        T_world_camera: npt.NDArray[np.float64],
        *,
        rgb: npt.NDArray[np.uint8] | None = None,
        codes: npt.NDArray[np.float16] | None = None,
        confidence: npt.NDArray[np.floating[Any]] | None = None,
        timestamp_ns: int = 0,
        threads: int = 1,
    ) -> FrameReport:
        """Add one frame.

        Parameters
        ----------
        depth
            (H, W) float32, planar depth in metres; 0 or NaN is invalid.
        intrinsics
            (3, 3) pinhole matrix of the depth image, pixels.
        T_world_camera
            (4, 4) rigid pose of the depth camera, OpenCV axes, metres.
        rgb
            (H, W, 3) uint8, resampled to the depth image. Without it the frame adds no colour.
        codes
            (h, w, C) float16, h and w dividing H and W; code (i, j) belongs to the depth pixel in the
            middle of its block. A cell whose codes are not all finite gets no code from this frame.
        confidence
            (h, w) in [0, 1], multiplies the weight of the codes; 0 means no observation.
        timestamp_ns
            Time of the frame, nanoseconds.
        threads
            Worker threads; the result is the same for any number.

        Returns
        -------
        What the frame did.

        Raises
        ------
        ValueError
            If an array has the wrong shape or type, the pose is not rigid, a point would lie beyond 2**20
            cells from the origin, or the map is compact. The map is then unchanged.
        """
        observation = Observation(depth, intrinsics, T_world_camera, rgb, codes, confidence, timestamp_ns)
        return self._fuse(observation, threads, 1)

    def subtract_frame(
        self,
        depth: npt.NDArray[np.float32],
        intrinsics: npt.NDArray[np.float64],
        T_world_camera: npt.NDArray[np.float64],
        *,
        rgb: npt.NDArray[np.uint8] | None = None,
        codes: npt.NDArray[np.float16] | None = None,
        confidence: npt.NDArray[np.floating[Any]] | None = None,
        timestamp_ns: int = 0,
        threads: int = 1,
    ) -> FrameReport:
        """Take back a frame that was integrated with the same arguments and settings.

        All sums return to what they were and cells that nothing else saw vanish; time stamps stay.
        Parameters and errors are those of `integrate`; it is also an error if the frame is not in the map,
        as far as its cells and weights can tell.
        """
        observation = Observation(depth, intrinsics, T_world_camera, rgb, codes, confidence, timestamp_ns)
        return self._fuse(observation, threads, -1)

    def merge(self, other: VoxelMap) -> None:
        """Add all sums of another map.

        Raises
        ------
        ValueError
            If the maps differ in cell size, codes or embedding space, or either is compact.
        """
        self._add(other, 1)

    def subtract(self, other: VoxelMap) -> None:
        """Take back all sums of another map that was merged into this one; time stamps stay.

        Raises
        ------
        ValueError
            As in `merge`, and if `other` holds cells, weights or occupancy counts that this map does not.
        """
        self._add(other, -1)

    def tables(self) -> tuple[CellTable, OccupancyTable]:
        """Return the tables of cells and of occupancy, for who watches the map grow; not to be changed."""
        return self._thaw()

    def _add(self, other: VoxelMap, sign: int) -> None:
        check_mergeable(self, other)
        fields, occupancy = other.fields, other.occupancy  # before thawing: `other` may be this map itself
        merge_into(*self._thaw(), fields, occupancy, sign)

    def _fuse(self, observation: Observation, threads: int, sign: int) -> FrameReport:
        self._refuse_if_compact("cannot be changed")
        cells, evidence = self._thaw()
        if self._scratch is None:
            self._scratch = FrameScratch()  # kept, since a frame is like the one before
        return fuse(self, observation, cells, evidence, self._scratch, threads, sign)

    def _thaw(self) -> tuple[CellTable, OccupancyTable]:
        """Return the growable tables, copying wrapped arrays into them first; derived values are dropped."""
        if self._cells is None or self._evidence is None:
            cells, evidence = CellTable(self.code_dim), OccupancyTable()
            if self._fields is not None and self._occupancy is not None:
                merge_into(cells, evidence, self._fields, self._occupancy, 1)
            self._cells, self._evidence, self._fields, self._order = cells, evidence, None, None
        self._occupancy = None
        self._embedding_norm = None
        return self._cells, self._evidence


def merge(maps: list[VoxelMap]) -> VoxelMap:
    """Merge maps into a new one.

    Parameters
    ----------
    maps
        At least one map; all with the same cell size, codes and embedding space.

    Raises
    ------
    ValueError
        If there is none, or they do not fit together.
    """
    if not maps:
        raise ValueError("merge needs at least one map, got none")
    first = maps[0]
    merged = VoxelMap(
        first.cell_size,
        first.code_dim,
        code_scale=first.code_scale,
        space=first.space,
        head=first.head,
        settings=first.settings,
    )
    for part in maps:
        merged.merge(part)
    return merged

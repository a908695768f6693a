"""Where a person with a camera can walk: a grid of the floor, and ways through it."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import dijkstra

from .plan import DOOR_WIDTH, OUTSIDE, WALL, Plan, hinge_at_end

CELL: Final = 0.1  # metres
BODY: Final = 0.22  # metres that the camera keeps from things

Cell = tuple[int, int]


class FreeSpace:
    """The floor of a plan, in cells of 10 cm, less what stands on it.

    Parameters
    ----------
    plan : Plan
    """

    def __init__(self, plan: Plan) -> None:
        self._origin = np.array([min(r.x0 for r in plan.rooms), min(r.y0 for r in plan.rooms)]) - 0.5
        far = np.array([max(r.x1 for r in plan.rooms), max(r.y1 for r in plan.rooms)]) + 0.5
        nx, ny = np.ceil((far - self._origin) / CELL).astype(int)
        self.walkable = np.zeros((nx, ny), bool)
        self.room = np.full((nx, ny), -1, np.int32)
        for index, r in enumerate(plan.rooms):
            inside = self._cells(r.x0 + BODY, r.x1 - BODY, r.y0 + BODY, r.y1 - BODY)
            self.walkable[inside] = True
            self.room[self._cells(r.x0, r.x1, r.y0, r.y1)] = index
        self._gates: list[Cell] = []
        for door in plan.doors:
            if door.b == OUTSIDE:
                continue
            a, b = door.start + BODY, door.start + DOOR_WIDTH - BODY
            wall = plan.rooms[door.a].at(door.side)
            out = 1 if door.side in ("east", "north") else -1
            low, high = sorted((wall - out * (BODY + CELL), wall + out * (WALL + BODY + CELL)))
            area = (low, high, a, b) if door.side in ("west", "east") else (a, b, low, high)
            self.walkable[self._cells(*area)] = True
            middle = ((area[0] + area[1]) / 2, (area[2] + area[3]) / 2)
            self._gates.append(self.cell(*middle))
            hinge = door.start + (DOOR_WIDTH - 0.05 if hinge_at_end(plan.rooms[door.a], door) else 0.05)
            swing = sorted((wall, wall - out * DOOR_WIDTH))
            leaf = (*swing, hinge - 0.14, hinge + 0.14)
            self.walkable[
                self._cells(*(leaf if door.side in ("west", "east") else (*leaf[2:], *leaf[:2])))
            ] = False
        self._required = [
            int((self.walkable & (self.room == k)).sum() * 0.16) for k in range(len(plan.rooms))
        ]

    def _cells(self, x0: float, x1: float, y0: float, y1: float) -> tuple[slice, slice]:
        """Cells whose centres lie in a rectangle."""
        low = np.ceil((np.array([x0, y0]) - self._origin) / CELL - 0.5).astype(int)
        high = np.floor((np.array([x1, y1]) - self._origin) / CELL - 0.5).astype(int) + 1
        low = np.maximum(low, 0)
        return slice(low[0], max(high[0], low[0])), slice(low[1], max(high[1], low[1]))

    def cell(self, x: float, y: float) -> Cell:
        """The cell at a place."""
        i, j = np.floor((np.array([x, y]) - self._origin) / CELL).astype(int)
        return int(i), int(j)

    def place(self, cell: Cell) -> npt.NDArray[np.float64]:
        """The middle of a cell, (2,) metres."""
        return np.asarray(self._origin + (np.array(cell) + 0.5) * CELL, float)

    def add(self, box: tuple[float, float, float, float, float, float]) -> bool:
        """Take a thing's floor away unless that closes a way or fills a room; say whether it was taken."""
        before = self.walkable.copy()
        self.walkable[self._cells(box[0] - BODY, box[1] + BODY, box[2] - BODY, box[3] + BODY)] = False
        if self._connected():
            return True
        self.walkable = before
        return False

    def _connected(self) -> bool:
        main = self.main()
        if not main.any() or any(not main[g] for g in self._gates):
            return False
        return all(int((main & (self.room == k)).sum()) >= need for k, need in enumerate(self._required))

    def main(self) -> npt.NDArray[np.bool_]:
        """The largest connected part of what is walkable."""
        labels, n = ndimage.label(self.walkable)
        if n == 0:
            return np.zeros_like(self.walkable)
        return np.asarray(labels == 1 + int(np.argmax(np.bincount(labels.ravel())[1:])))

    def clearance(self) -> npt.NDArray[np.float64]:
        """Metres from each cell of the main part to its edge, 0 outside."""
        return np.asarray(CELL * ndimage.distance_transform_edt(self.main()), float)

    def ways(self, stops: list[Cell]) -> tuple[npt.NDArray[np.float64], list[list[list[Cell]]]]:
        """Cheapest ways between cells of the main part, keeping away from things where there is room.

        Returns
        -------
        length : (n, n) float64
            Cost of the ways, about metres.
        paths : list of list of list of cells
            `paths[i][j]` leads from stop i to stop j.
        """
        main = self.main()
        number = np.full(main.shape, -1, np.int64)
        number[main] = np.arange(main.sum())
        price = 1.0 + 1.5 * np.exp(-self.clearance() / 0.2)
        rows, columns, costs = [], [], []
        for di, dj in ((1, 0), (0, 1), (1, 1), (1, -1)):
            a = (slice(0, -di or None), slice(max(-dj, 0), -dj if dj > 0 else None))
            b = (slice(di, None), slice(max(dj, 0), dj if dj < 0 else None))
            both = main[a] & main[b]
            rows.append(number[a][both])
            columns.append(number[b][both])
            costs.append(0.5 * CELL * np.hypot(di, dj) * (price[a] + price[b])[both])
        n = int(main.sum())
        graph = coo_matrix(
            (np.concatenate(costs), (np.concatenate(rows), np.concatenate(columns))), (n, n)
        ).tocsr()
        starts = [int(number[s]) for s in stops]
        length, before = dijkstra(graph, directed=False, indices=starts, return_predecessors=True)
        cells = np.argwhere(main)
        paths: list[list[list[Cell]]] = []
        for i in range(len(stops)):
            paths.append([])
            for end in starts:
                way = [end]
                while way[-1] != starts[i]:
                    way.append(int(before[i, way[-1]]))
                paths[-1].append([(int(x), int(y)) for x, y in cells[way[::-1]]])
        return np.asarray(length[:, starts], float), paths

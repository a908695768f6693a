"""The codes of a frame into the rows of the cells it touches: one weighted mean a cell, then one update."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

Int32 = npt.NDArray[np.int32]
Int64 = npt.NDArray[np.int64]

_PIXELS_AHEAD = 8  # codes to ask memory for in advance; 6 to 12 measure alike
_ROUNDER = np.float32(1.5 * 2**23)  # adding and subtracting it rounds |x| < 2**22 to the nearest integer


def _half_to_float_codegen(_typing_context: Any, bits: Any) -> Any:
    """Extend the bits of a half float, a uint16, to float32; LLVM turns a loop of it into vcvtph2ps."""

    def build(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.fpext(builder.bitcast(arguments[0], ir.HalfType()), ir.FloatType())

    return types.float32(types.uint16), build


def _prefetch_codegen(_typing_context: Any, array: Any, index: Any) -> Any:
    """Ask for the cache line of element `index` of a flat view of a C-contiguous array."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        address = builder.bitcast(builder.gep(data, [arguments[1]]), ir.IntType(8).as_pointer())
        i32 = ir.IntType(32)
        hint = ir.FunctionType(ir.VoidType(), [address.type, i32, i32, i32])
        function = builder.module.declare_intrinsic("llvm.prefetch", [address.type], hint)
        builder.call(function, [address, ir.Constant(i32, 0), ir.Constant(i32, 3), ir.Constant(i32, 1)])
        return context.get_dummy_value()

    return types.none(array, types.intp), build


_half_to_float: Any = intrinsic(_half_to_float_codegen)
_prefetch: Any = intrinsic(_prefetch_codegen)


@njit(cache=True, nogil=True, error_model="numpy")
def sort_pixels(
    cell_of: Int32, weight: npt.NDArray[np.uint16], start: Int64, order: Int32
) -> tuple[int, int]:
    """Sort code pixels by cell, row-major within a cell (a counting sort).

    Parameters
    ----------
    cell_of
        (h * w,) int32 id of the cell of a pixel, -1 for none.
    weight
        (h * w,) uint16; pixels of weight 0 are left out.
    start
        (cells + 1,) receives where the pixels of each cell begin in `order`.
    order
        (h * w,) int32 receives pixel numbers.

    Returns
    -------
    The number of pixels in `order`, and of cells that have any.
    """
    start[:] = 0
    for i in range(cell_of.shape[0]):
        if cell_of[i] >= 0 and weight[i] > 0:
            start[cell_of[i] + 1] += 1
    occupied = 0
    for cell in range(start.shape[0] - 1):
        occupied += start[cell + 1] > 0
        start[cell + 1] += start[cell]
    for i in range(cell_of.shape[0]):
        if cell_of[i] >= 0 and weight[i] > 0:
            order[start[cell_of[i]]] = i
            start[cell_of[i]] += 1
    for cell in range(start.shape[0] - 1, 0, -1):
        start[cell] = start[cell - 1]
    start[0] = 0
    return start[-1], occupied


@njit(cache=True, nogil=True, error_model="numpy")
def add_codes(
    codes: npt.NDArray[np.uint16],
    weight: npt.NDArray[np.uint16],
    start: Int64,
    order: Int32,
    first: int,
    last: int,
    scale: float,
    limit: int,
    sign: int,
    rows: Int64,
    table: Int32,
    sums: Int64,
) -> tuple[int, int]:
    """Add the weighted mean code of cells `first` to `last` to their rows.

    The mean is taken in float32 in row-major order of the pixels, multiplied and added without
    contraction, so that it is the same number everywhere; its weight w is the rounded mean of the pixels'.

    Parameters
    ----------
    codes
        (h * w, C) bits of float16.
    weight, start, order
        Pixels by cell, from `sort_pixels`.
    first, last
        Cells of the frame to do.
    scale
        Fixed-point steps of 1.0.
    limit
        Largest absolute contribution, steps.
    sign
        1 adds, -1 takes away.
    rows
        (cells,) row of each cell of the frame.
    table, sums
        (capacity, C) int32 codes and (capacity, 16) int64 sums of the map.

    Returns
    -------
    Elements that were clipped, and cells left out because a code was not finite.
    """
    dim = codes.shape[1]
    flat_codes, flat_table = codes.ravel(), table.ravel()
    room = np.empty(dim + 16, np.float32)
    mean = room[(-room.ctypes.data % 64) // 4 :][:dim]  # on a cache line, or half of all accesses touch two
    ceiling = np.float32(limit)
    clipped = broken = 0
    end = start[last]
    for cell in range(first, last):
        count = start[cell + 1] - start[cell]
        if count == 0:
            continue
        row = rows[cell]
        if cell + 1 < last:
            for k in range(0, dim, 16):
                _prefetch(flat_table, rows[cell + 1] * dim + k)
        total = np.int64(0)
        for i in range(start[cell], start[cell + 1]):
            if i + _PIXELS_AHEAD < end:
                ahead = np.int64(order[i + _PIXELS_AHEAD]) * dim
                for k in range(0, dim, 32):
                    _prefetch(flat_codes, ahead + k)
            pixel = order[i]
            w = np.float32(weight[pixel])
            total += np.int64(weight[pixel])
            code = codes[pixel]
            if i == start[cell]:
                for k in range(dim):
                    mean[k] = w * _half_to_float(code[k])
            else:
                for k in range(dim):
                    mean[k] += w * _half_to_float(code[k])
        once = (2 * total + count) // (2 * count)
        factor = np.float32(scale * np.float64(once) / (256.0 * np.float64(total)))
        beyond = np.int64(0)
        for k in range(dim):
            mean[k] *= factor
            beyond += np.int64(not (abs(mean[k]) <= ceiling))  # true for NaN, too
        if beyond > 0:
            if not np.isfinite(mean).all():
                broken += 1
                continue
            clipped += int(beyond)
        out = table[row]
        for k in range(dim):
            step = mean[k]
            step = step if step > -ceiling else -ceiling
            step = step if step < ceiling else ceiling
            out[k] += np.int32(sign) * np.int32((step + _ROUNDER) - _ROUNDER)
        sums[row, 13] += sign * once
    return clipped, broken

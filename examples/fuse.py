"""From posed RGB-D frames to a map, step by step: what goes in, what comes out, why order never matters.

    python examples/fuse.py                       generates a furnished room of its own
    python examples/fuse.py --sequence MY_SCAN    or reads a sequence of yours

Takes half a minute on two cores.
"""

import argparse
from pathlib import Path

import numpy as np

import dvemap
import mapping
from dvemap.rendering.portraits import Portrait

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--sequence", type=Path, help="a posed RGB-D sequence in any format that dvemap reads")
parser.add_argument(
    "--frames", type=int, help="frames of the walk  [default: as many as it takes to see everything]"
)
parser.add_argument("--out", type=Path, default=Path("examples-out"), help="folder for what is written")
options = parser.parse_args()
options.out.mkdir(parents=True, exist_ok=True)

# 1. The input: a folder of colour and depth images with camera poses. `dvemap synth` makes furnished flats.
folder = options.sequence
if folder is None:
    folder = options.out / "room"
    print(f"generating a furnished living room in {folder} ...")
    dvemap.generate(folder, seed=6, kind="living", frames=options.frames, width=240, height=180)
sequence = dvemap.open_sequence(folder)
numbers = np.flatnonzero(sequence.usable)[: options.frames].tolist()  # read when they are asked for
first = sequence[numbers[0]]
print(
    f"{len(numbers)} frames: colour {first.rgb.shape} bytes, depth {first.depth.shape} metres, "
    "poses (4, 4) camera to world"
)


def add(voxel_map: dvemap.VoxelMap, frame) -> mapping.FrameReport:
    """Add one frame to a map; colour is projected onto the pixels of the depth image."""
    return voxel_map.integrate(frame.depth, frame.intrinsics, frame.T_world_camera, rgb=frame.rgb_on_depth())


# 2. A map is a table of cells. A frame adds to their sums, which are whole numbers, and that is all it does.
room = dvemap.VoxelMap(cell_size=0.05)
for k, number in enumerate(numbers):
    report = add(room, sequence[number])
    if k % 10 == 0:
        print(f"  frame {k:3}: {report.pixels:,} pixels in {report.cells:,} cells, {report.new_cells:,} new")

# 3. What a cell knows is computed from its sums on reading: a Gaussian, a colour, whether it is solid.
solid = np.flatnonzero(mapping.solid(room))
heaviest = solid[[room.weight[solid].argmax()]]
deviations = np.sqrt(mapping.eigen(mapping.covariance(room, heaviest))[0][0])
print(
    f"{len(room):,} cells of 5 cm, {len(solid):,} of them solid; {len(room.occupancy):,} hit or seen through"
)
print("the cell with most pixels:")
print(f"  mean      {mapping.mean(room, heaviest)[0].round(3)} m")
print(f"  deviation {(1000 * deviations).round(1)} mm: thin across the surface, wide along it")
print(f"  colour    {mapping.color(room, heaviest)[0]}")

# 4. Sums do not care about order: backwards, or as two maps that are merged, it is the same map bit for bit.
backwards, halves = dvemap.VoxelMap(cell_size=0.05), [dvemap.VoxelMap(cell_size=0.05) for _ in range(2)]
for k, number in reversed(list(enumerate(numbers))):
    frame = sequence[number]
    add(backwards, frame)
    add(halves[k % 2], frame)
merged = dvemap.merge(halves)
for name, one in (("forwards", room), ("backwards", backwards), ("merged", merged)):
    print(f"digest {name:9} {one.digest()[:32]}")

# 5. Keep it, and look at it.
dvemap.save(room, options.out / "room.dvm")
Portrait(room).write_colors(options.out / "fuse.png", "a living room")
print(f"wrote {options.out / 'room.dvm'} and {options.out / 'fuse.png'}")
print(f"next: python examples/query.py, or dvemap export {options.out / 'room.dvm'} --to splats")

"""Give every cell a class: by names alone, against the truth, and for other programs.

    python examples/label.py                       generates a furnished room of its own
    python examples/label.py --classes my.txt      with your class names, one a line

Takes half a minute on two cores.
"""

import argparse
from pathlib import Path

import numpy as np

import dvemap
import mapping
from dvemap.exporting.splats import write_splats
from dvemap.labelling import classifier_for
from dvemap.rendering.portraits import Portrait
from viewer import write_ply

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--classes", help="a built-in list, such as scannet-20, or a file  [default: the room's]")
parser.add_argument("--map", type=Path, help="a map of the sequence, with embeddings")
parser.add_argument("--sequence", type=Path, help="a sequence with label images and ground-truth mesh")
parser.add_argument(
    "--frames", type=int, help="frames of the walk  [default: as many as it takes to see everything]"
)
parser.add_argument("--out", type=Path, default=Path("examples-out"), help="folder for what is written")
options = parser.parse_args()
options.out.mkdir(parents=True, exist_ok=True)

# 1. A map with embeddings, as in query.py.
folder = options.sequence
if folder is None:
    folder = options.out / "room"
    print(f"generating a furnished living room in {folder} ...")
    dvemap.generate(folder, seed=6, kind="living", frames=options.frames, width=240, height=180)
path = options.map
if path is None:
    path = options.out / "label.dvm"
    dvemap.fuse(folder, path, encoder="labels", threads=2)
room = dvemap.load(path)

# 2. Classes are names. The map's own text encoder turns them into vectors; a cell takes the nearest. A linear
#    probe or visual means go the same way: classifier_for(room, classes, probe=Path("probe.pth")).
classes = mapping.class_list(options.classes or folder / "label_names.txt")
classifier, classes = classifier_for(room, classes)
labels = mapping.label_cells(room, classifier)
name_of = dict(zip(classes.ids.tolist(), classes.names, strict=True))
found, counts = np.unique(labels.label[labels.label > 0], return_counts=True)
print(f"{len(room):,} cells, {labels.coverage:.0%} labelled, {len(found)} of {len(classes)} classes:")
for label, count in sorted(zip(found.tolist(), counts.tolist(), strict=True), key=lambda row: -row[1])[:8]:
    print(f"  {name_of[label]:16} {count:6,} cells")

# 3. Against the truth: the vertices of a mesh take their labels from the cells around them.
if options.classes is None:
    score = dvemap.evaluate_map(room, folder)
    print(
        f"mIoU {score.miou:.3f} over {len(score.per_class())} kinds, {score.coverage:.1%} of vertices covered"
    )

# 4. A picture, a point cloud with a property `label`, and Gaussian splats of the same cells.
Portrait(room).write_labels(options.out / "label.png", "a living room", labels.label, classes)
rows = mapping.solid_rows(room)
label = labels.label[rows]
write_ply(
    options.out / "label.ply",
    mapping.mean(room, rows),
    colors=classes.colors_of(label),
    properties={"label": label.astype(np.uint16)},
)
splats = write_splats(room, options.out / "room.splats.ply")
print(f"wrote {options.out / 'label.png'}, label.ply and {splats:,} splats in room.splats.ply")
print(f"next: open3d draw {options.out / 'label.ply'}")

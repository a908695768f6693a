"""Ask a map in words: what is where, how sure is that, and what a hit must not be.

    python examples/query.py                        generates a furnished room of its own
    python examples/query.py "something to sit on" "reading lamp"
    python examples/query.py --map MY.dvm chair     or asks a map of yours

Takes half a minute on two cores.
"""

import argparse
import json
from pathlib import Path

import numpy as np

import dvemap
from dvemap.questions import answers
from dvemap.rendering.portraits import Portrait

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("texts", nargs="*", default=["massage chair", "something to sit on", "light"])
parser.add_argument("--map", type=Path, help="a map with embeddings")
parser.add_argument("--sequence", type=Path, help="the sequence of the map; with label images to make it of")
parser.add_argument(
    "--frames", type=int, help="frames of the walk  [default: as many as it takes to see everything]"
)
parser.add_argument("--out", type=Path, default=Path("examples-out"), help="folder for what is written")
options = parser.parse_args()
options.out.mkdir(parents=True, exist_ok=True)

# 1. A map whose cells hold embeddings. Here each pixel gets the text embedding of its true label, so that the
#    example needs no network; on images of your own give encoder="dveformer-reducedres" or any other student.
folder, path = options.sequence, options.map
if folder is None and path is None:
    folder = options.out / "room"
    print(f"generating a furnished living room in {folder} ...")
    dvemap.generate(folder, seed=6, kind="living", frames=options.frames, width=240, height=180)
if path is None:
    path = options.out / "query.dvm"
    dvemap.fuse(folder, path, encoder="labels", threads=2)
room = dvemap.load(path)  # memory-mapped: a query reads the codes once and nothing else
print(room)

# 2. A hit is a connected thing: where it is, how large, how relevant (at 0.5 the word "object" would fit as
#    well), and how far the frames that saw it agree.
for text in options.texts:
    print(f'"{text}"')
    for hit in dvemap.query(room, text, top=3):
        place, size = ("{:5.2f} {:5.2f} {:5.2f}".format(*values) for values in (hit.center, hit.extent))
        print(
            f"  {hit.rank}. at ({place}) m, size ({size}) m, score {hit.score:.2f}, sure {hit.confidence:.2f}"
        )

# 3. The generator knows the truth; of a scan nobody does.
objects = None if folder is None else folder / "objects.json"
truth = json.loads(objects.read_text()) if objects is not None and objects.is_file() else []
hits = dvemap.query(room, options.texts[0])
for thing in truth:
    if hits and thing["kind"] == options.texts[0]:
        away = np.linalg.norm(np.subtract(hits[0].center, thing["center"]))
        print(f"the true {thing['kind']} is {away:.2f} m from the best hit")

# 4. Negatives sharpen a question: what is nearer to them is no hit.
chairs, others = (dvemap.query(room, "chair", negatives=words) for words in ([], ["massage chair"]))
print(f'"chair": {len(chairs)} hits; "chair" but not "massage chair": {len(others)}')

# 5. The relevancy of every cell, as a picture.
answer = next(answers(room, options.texts[:1]))
Portrait(room).write_answer(options.out / "query.png", answer, options.texts[0])
print(f"wrote {options.out / 'query.png'}")
print(f"next: dvemap query {path}    (without a text it asks for one, again and again)")

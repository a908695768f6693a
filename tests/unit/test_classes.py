import numpy as np
import pytest

from mapping.classes import BUILT_IN, class_list, make_class_list, palette


@pytest.mark.parametrize("name", BUILT_IN)
def test_built_in_lists_have_the_size_in_their_name_and_no_void(name):
    classes = class_list(name)
    assert len(classes) == len(classes.names) == len(set(classes.ids.tolist())) == int(name.split("-")[1])
    assert classes.ids.min() > 0
    assert classes.colors.shape == (len(classes), 3)
    assert classes.colors.any(axis=1).all()


def test_scannet_20_uses_benchmark_ids_and_colours():
    classes = class_list("ScanNet-20")
    assert classes.id_of("otherfurniture") == 39
    assert classes.id_of("desk") == 14
    assert classes.colors_of([1, 0, 13, 39]).tolist() == [
        [174, 199, 232],
        [128] * 3,
        [128] * 3,
        [82, 84, 163],
    ]


def test_files_of_names_and_of_ids(tmp_path):
    plain = tmp_path / "room.txt"
    plain.write_text("# things\nsofa\n\nmassage chair \n", encoding="utf-8")
    classes = class_list(plain)
    assert (classes.name, classes.names, classes.ids.tolist()) == ("room", ("sofa", "massage chair"), [1, 2])
    plain.write_text("0\tvoid\n7\tsofa\n300\tbean bag\n", encoding="utf-8")
    classes = class_list(str(plain))
    assert (classes.names, classes.ids.tolist()) == (("sofa", "bean bag"), [7, 300])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "at least one class"),
        ("sofa\nsofa\n", "distinct names, got 'sofa' more than once"),
        ("1\ta\n1\tb\n", "distinct ids, got 1 more than once"),
        ("1\ta\nb\n", "expected lines of 'id<TAB>name'"),
        ("1\t\n", "class 1 must have a name, got an empty one"),
    ],
)
def test_broken_files_are_named(tmp_path, text, message):
    path = tmp_path / "classes.txt"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        class_list(path)


def test_a_misspelt_list_or_class_gets_a_suggestion():
    with pytest.raises(ValueError, match="did you mean 'scannet-20'"):
        class_list("scannet20")
    with pytest.raises(ValueError, match="did you mean 'sofa'"):
        class_list("nyuv2-40").id_of("sofe")
    with pytest.raises(ValueError, match="ids > 0"):
        make_class_list("x", ["a"], [0])


def test_the_palette_is_distinct_stable_and_never_black():
    colors = palette(200).astype(int)
    assert np.array_equal(colors[:20], palette(20))
    distance = np.abs(colors[:, None] - colors[None]).sum(axis=-1) + 1000 * np.eye(200)
    assert distance.min() > 30
    assert distance[:20, :20].min() > 120
    assert np.ptp(colors, axis=1).min() > 30, "greys mean no label"
    assert palette(0).shape == (0, 3)

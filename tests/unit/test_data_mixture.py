"""What an epoch of a mixture draws."""

from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest

from student.data.errors import DatasetError
from student.data.mixture import Mixture


class Counted:
    """A source that only knows how long it is."""

    def __init__(self, count: int, name: str = "counted") -> None:
        self.name, self.count = name, count
        self.depth_statistics = SimpleNamespace(name=name)

    def __len__(self) -> int:
        return self.count


def mix(counts: list[int], fractions: list[float], seed: int = 0) -> Mixture:
    sources: list[Any] = [Counted(count) for count in counts]
    return Mixture(sources, fractions, seed)


def test_the_published_mixture_draws_its_fractions() -> None:
    # NYUv2, Hypersim, SUN RGB-D, every 50th frame of ScanNet, ADE20K, at 1/5 of their sizes.
    counts, fractions = [159, 9_000, 1_057, 7_600, 4_042], [1.0, 0.1, 1.0, 0.25, 1.0]
    mixture = mix(counts, fractions)
    drawn = mixture.epoch(3)
    per_source = Counter(source for source, _ in drawn)
    assert [per_source[s] for s in range(5)] == [159, 900, 1_057, 1_900, 4_042]
    assert len(set(drawn)) == len(drawn) == len(mixture) == 8_058
    assert all(0 <= i < counts[s] for s, i in drawn)


def test_an_epoch_is_a_function_of_seed_and_number_alone() -> None:
    one, other = mix([40, 30], [0.5, 1.0]), mix([40, 30], [0.5, 1.0])
    later = one.epoch(7)
    one.epoch(2)
    assert other.epoch(7) == later  # as after a resume
    assert one.epoch(8) != later
    assert mix([40, 30], [0.5, 1.0], seed=1).epoch(7) != later


def test_each_epoch_draws_anew_so_that_all_samples_come() -> None:
    mixture = mix([50, 10], [0.2, 1.0])
    epochs = [{i for s, i in mixture.epoch(e) if s == 0} for e in range(40)]
    assert all(len(drawn) == 10 for drawn in epochs)
    assert set().union(*epochs) == set(range(50))


def test_sources_are_shuffled_together() -> None:
    order = [source for source, _ in mix([200, 200], [1.0, 1.0]).epoch(0)]
    assert 60 < sum(order[:200]) < 140


def test_fractions_are_cut_as_int_cuts() -> None:
    assert len(mix([19], [0.1])) == 1
    assert len(mix([795], [1.0])) == 795


@pytest.mark.parametrize(
    ("counts", "fractions", "message"),
    [
        ([], [], "needs sources and a fraction of each, got 0 and 0"),
        ([5], [1.0, 1.0], "got 1 and 2"),
        ([5], [0.0], "fraction must be > 0 and <= 1, got 0.0"),
        ([5], [1.5], "fraction must be > 0 and <= 1, got 1.5"),
        ([5], [float("nan")], "got nan"),
        ([5], [0.1], r"counted: 0.1 of its 5 sample\(s\) is less than one"),
    ],
)
def test_refused(counts: list[int], fractions: list[float], message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        mix(counts, fractions)


def test_depth_is_normalised_as_that_of_the_first_source() -> None:
    first: Any = Counted(3, "first")
    second: Any = Counted(3, "second")
    assert Mixture([first, second], [1, 1], 0).depth_statistics.name == "first"

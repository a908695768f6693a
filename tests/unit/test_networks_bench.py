"""The benchmark of all networks: what it lists, counts and prints."""

from pathlib import Path

import pytest
import torch
from torch import nn

from dvemap.bench import networks_bench
from dvemap.bench.flops import count_flops
from dvemap.bench.networks import NETWORKS, Entry
from dvemap.bench.networks_bench import bench_networks, run_networks_bench
from dvemap.bench.official import official_error
from dvemap.console import Output
from student.networks.dformer_config import DFORMERS
from student.networks.segmentor import build_segmentor


@pytest.mark.parametrize(
    ("name", "gmacs", "millions"),
    [("dformer-tiny", 14.8, 6.00), ("dformer-large", 69.0, 39.03), ("dformerv2-small", 40.6, 26.69)],
)
def test_operations_are_those_of_the_official_networks(name: str, gmacs: float, millions: float) -> None:
    """As counted of the official code: reference figures, with the products of attention and NMF."""
    with torch.device("meta"):
        network = build_segmentor(name).eval()
        images = torch.empty(1, 3, 480, 640), torch.empty(1, 1, 480, 640)
    assert count_flops(network, *images) / 2e9 == pytest.approx(gmacs, abs=0.05)
    parameters = sum(parameter.numel() for parameter in network.parameters()) / 1e6
    assert parameters == pytest.approx(millions, abs=0.006)


def test_every_published_network_is_listed() -> None:
    assert set(DFORMERS) <= set(NETWORKS)
    assert {"dveformer-fullres", "dpt-large", "depth-anything-v2-large"} <= set(NETWORKS)
    assert all(bool(entry.figure) == bool(entry.source) for entry in NETWORKS.values())


def test_a_network_is_counted_and_timed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    entry = Entry("toy", lambda: nn.Conv2d(3, 5, 1), (8, 10), figure="mIoU 1", source="us")
    monkeypatch.setitem(networks_bench.NETWORKS, "toy", entry)
    monkeypatch.setattr(networks_bench, "GEMM_SIDE", 32)
    threads = torch.get_num_threads()
    figures = run_networks_bench(["toy"], 2, 1, "cpu", None, Output())["networks"]["toy"]
    assert torch.get_num_threads() == threads
    assert figures["gflop"] == pytest.approx(2 * 3 * 5 * 80 / 1e9)
    assert figures["parameters"] == 20
    assert figures["gflops"] == pytest.approx(figures["gflop"] / figures["ms"] * 1e3)
    assert figures["gemm_share"] == pytest.approx(figures["gflops"] / figures["gemm_gflops"])
    assert "mIoU 1 (us)" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["dveformer-reducedres", "dformer-tiny", "depth-anything-v2-small"])
def test_a_network_is_compared_with_the_official_one(name: str, golden: Path) -> None:
    error = official_error(name, NETWORKS[name].build().eval(), golden)
    assert error is not None
    assert 0 < error < 1e-4


def test_without_official_outputs_nothing_is_compared(golden: Path) -> None:
    assert official_error("dpt-large", nn.Identity(), golden) is None


def test_an_unknown_network_is_refused() -> None:
    with pytest.raises(ValueError, match=r"networks must be of dveformer-fullres, .* got 'nothing'"):
        bench_networks(["nothing"])

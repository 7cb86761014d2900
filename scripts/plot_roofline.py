#!/usr/bin/env python3
"""Draws the roofline of the machine with the benchmarked products on it.

    build/release/duel_bench --benchmark_out=bench.json --benchmark_out_format=json
    python3 scripts/plot_roofline.py bench.json docs/images/roofline.png

The peaks are those that duel_bench measured in the same run. A convolution by minimal filtering may lie above the roof:
its GFLOP/s count the multiplications of the plain sums, of which it does nine sixteenths.
"""
import argparse
import json
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

KINDS = [("conv2d_", "/filtered", "convolutions, minimal filtering", "#4477aa", "o"),
         ("conv2d_", "/implicit", "convolutions, implicit", "#66ccee", "s"),
         ("conv2d_", "/im2col", "convolutions, im2col and OpenBLAS", "#bbbbbb", "^"),
         ("", "", "all others", "#ee6677", "x")]


def kind_of(name: str) -> int:
    return next(i for i, (start, end, *_) in enumerate(KINDS) if name.startswith(start) and end in name)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path, help="what duel_bench wrote")
    parser.add_argument("picture", type=Path, help="the PNG to write")
    arguments = parser.parse_args()
    results = json.loads(arguments.results.read_text())
    peak = float(results["context"]["peak_gflops"])
    bandwidth = float(results["context"]["peak_gb_per_second"])
    points: list[list[tuple[float, float]]] = [[] for _ in KINDS]
    for run in results["benchmarks"]:
        if "GFLOP/s" in run and "GB/s" in run:
            points[kind_of(run["name"])].append((run["GFLOP/s"] / run["GB/s"], run["GFLOP/s"]))

    figure, axes = plt.subplots(figsize=(8, 5))
    ridge = peak / bandwidth
    axes.plot([0.02, ridge, 3000], [0.02 * bandwidth, peak, peak], color="black", linewidth=1.5)
    axes.text(3000, peak * 1.08, f"{peak:.0f} GFLOP/s", ha="right")
    axes.text(0.025, 0.025 * bandwidth * 1.6, f"{bandwidth:.0f} GB/s", rotation=38)
    for (_, _, label, colour, marker), group in zip(KINDS, points):
        if group:
            axes.scatter(*zip(*group), label=label, color=colour, marker=marker, s=22)
    axes.set(xscale="log", yscale="log", xlabel="operations a byte of the tensors", ylabel="GFLOP/s",
             xlim=(0.02, 4000), ylim=(0.3, peak * 2.5))
    axes.grid(alpha=0.25, which="both")
    axes.legend(loc="lower right", frameon=False)
    figure.tight_layout()
    figure.savefig(arguments.picture, dpi=110)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Plots the losses of several runs over each other.

    python3 scripts/plot_losses.py --run Duel=metrics.csv --run PyTorch=losses.csv --output losses.png

A file needs the columns epoch (1, 2, ...), d_loss and g_loss. A column batch (1, 2, ..., with a row for an
epoch's last one) says where in its epoch a row is; without it the rows of an epoch count as evenly spread.
Thin lines are the rows, thick ones their mean over --smooth epochs.
"""

import argparse
import csv
from collections import Counter
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402
import numpy as np  # noqa: E402


def read(path: Path) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Epochs passed at each row, and its two losses."""
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    if not rows:
        raise SystemExit(f"{path}: no rows")
    return np.array(epochs_passed(rows)), {
        name: np.array([float(row[name]) for row in rows]) for name in ("d_loss", "g_loss")
    }


def epochs_passed(rows: list[dict[str, str]]) -> list[float]:
    if "batch" in rows[0]:
        batches = max(int(row["batch"]) for row in rows)
        return [int(row["epoch"]) - 1 + int(row["batch"]) / batches for row in rows]
    in_epoch = Counter(row["epoch"] for row in rows)
    seen: Counter[str] = Counter()
    epochs = []
    for row in rows:
        seen[row["epoch"]] += 1
        epochs.append(int(row["epoch"]) - 1 + seen[row["epoch"]] / in_epoch[row["epoch"]])
    return epochs


def smooth(epochs: np.ndarray, values: np.ndarray, width: float) -> np.ndarray:
    """The mean over the rows at most width/2 epochs away that are finite; a row that is not stays a gap.

    Each window is summed by itself: running sums would carry a huge or missing loss to all rows behind it.
    """
    first = np.searchsorted(epochs, epochs - width / 2, side="left")
    last = np.searchsorted(epochs, epochs + width / 2, side="right")
    finite = np.isfinite(values)
    means = np.full(len(values), np.nan)
    for i in np.flatnonzero(finite):
        window = slice(first[i], last[i])
        means[i] = values[window][finite[window]].mean()
    return means


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--run", action="append", required=True, metavar="NAME=FILE", help="may be given again"
    )
    parser.add_argument("--smooth", type=float, default=0.25, help="epochs (default: %(default)s)")
    parser.add_argument("--output", type=Path, required=True, help="a PNG or SVG file")
    arguments = parser.parse_args()

    figure, panels = plt.subplots(2, 1, sharex=True, figsize=(9, 6), constrained_layout=True)
    for i, run in enumerate(arguments.run):
        name, separator, path = run.partition("=")
        if not separator:
            parser.error(f"--run {run}: it takes NAME=FILE")
        epochs, losses = read(Path(path))
        for panel, values in zip(panels, losses.values(), strict=True):
            panel.plot(epochs, values, color=f"C{i}", linewidth=0.5, alpha=0.25)
            panel.plot(
                epochs, smooth(epochs, values, arguments.smooth), color=f"C{i}", linewidth=2, label=name
            )
    for panel, title in zip(panels, ("loss of D", "loss of G"), strict=True):
        panel.set_ylabel(title)
        panel.set_ylim(bottom=0)
        panel.grid(alpha=0.3)
    panels[0].legend()
    panels[-1].set_xlabel("epoch")
    figure.savefig(arguments.output, dpi=110)


if __name__ == "__main__":
    main()

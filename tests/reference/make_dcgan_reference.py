#!/usr/bin/env python3
"""Trains a narrow celeba32 in PyTorch for twenty iterations and stores what others need to do the same.

Writes dcgan.safetensors beside this script; README.md says what is in it. `--full-width --output FILE` takes
the recipe's own widths and batch: some 110 MB, to compare with on one's own machine.
"""

import argparse
import copy
import json
import sys
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "scripts"))
from recipe_torch import Config, Gan, Trainer  # noqa: E402

Tensors = dict[str, Tensor]

POOL = 5  # batches of different pictures; iteration i trains on batch i % POOL


def blobs(count: int, size: int, rng: np.random.Generator) -> np.ndarray:
    """(count, 3, size, size) bytes: in each picture three soft coloured discs on a coloured ground."""
    y, x = np.mgrid[0:size, 0:size] / size
    pictures = np.broadcast_to(rng.uniform(0, 1, (count, 3, 1, 1)), (count, 3, size, size)).copy()
    for _ in range(3):
        centre_x, centre_y = rng.uniform(0.2, 0.8, (2, count, 1, 1, 1))
        radius = rng.uniform(0.1, 0.3, (count, 1, 1, 1))
        colour = rng.uniform(0, 1, (count, 3, 1, 1))
        cover = np.exp(-(((x - centre_x) ** 2 + (y - centre_y) ** 2) / radius**2))
        pictures += cover * (colour - pictures)
    return np.rint(pictures * 255).astype(np.uint8)


def train(gan: Gan, pictures: Tensor, z: Tensor, batch_size: int) -> tuple[Tensors, Tensors]:
    """All iterations, in the precision of `gan`: the log and what is left, and the first one's gradients."""
    trainer = Trainer(gan)
    dtype = gan.G.fc.weight.dtype
    losses: dict[str, list[Tensor]] = {name: [] for name in ("d_loss", "g_loss", "d_real", "d_fake")}
    first: Tensors = {}
    for i, (z_d, z_g) in enumerate(z.to(dtype)):
        batch = pictures[i % POOL * batch_size :][:batch_size].to(dtype) / 255 * 2 - 1
        d_loss, d_real, d_fake = trainer.d_step(batch, z_d)
        g_loss = trainer.g_step(z_g)
        for values, value in zip(losses.values(), (d_loss, g_loss, d_real, d_fake), strict=True):
            values.append(value)
        if i == 0:
            first = {name: p.grad.clone() for name, p in gan.named_parameters()}

    result = {name: torch.stack(values) for name, values in losses.items()}
    result |= {f"final/{name}": t for name, t in gan.state_dict().items()}
    for name, p in gan.named_parameters():
        optimizer = trainer.optimizer_g if name.startswith("G.") else trainer.optimizer_d
        for key in ("exp_avg", "exp_avg_sq"):
            result[f"{key}/{name}"] = optimizer.state[p][key]
    gan.eval()
    with torch.no_grad():
        result["images"] = gan.G(z[-1, -1, :4].to(dtype))
    return result, first


def drift(single: Tensors, double: Tensors) -> dict[str, float]:
    """How far float32 has gone from float64, relative to the largest value of each tensor."""

    def distance(name: str) -> float:
        return ((single[name] - double[name]).abs().max() / double[name].abs().max()).item()

    worst = {name: distance(name) for name in ("d_loss", "g_loss", "d_real", "d_fake", "images")}
    for kind in ("final", "exp_avg", "exp_avg_sq"):
        worst[kind] = max(distance(name) for name in double if name.startswith(f"{kind}/"))
    return worst


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, default=HERE / "dcgan.safetensors")
    parser.add_argument(
        "--full-width", action="store_true", help="g_dim = d_dim = 64 and batch 256; needs --output"
    )
    parser.add_argument("--iterations", type=int, default=20)
    arguments = parser.parse_args()
    if arguments.full_width and arguments.output == HERE / "dcgan.safetensors":
        parser.error("--full-width needs --output, so that the stored file stays small")
    width, batch_size = (64, 256) if arguments.full_width else (8, 16)

    torch.set_num_threads(1)
    torch.manual_seed(1)
    rng = np.random.default_rng(1)
    config = Config(g_dim=width, d_dim=width)
    gan = Gan(config)
    pictures = torch.from_numpy(blobs(POOL * batch_size, config.image_size, rng))
    z = torch.from_numpy(
        rng.uniform(-1, 1, (arguments.iterations, 2, batch_size, config.z_dim)).astype(np.float32)
    )

    stored = {"pictures": pictures, "z": z}
    stored |= {f"initial/{name}": t.clone() for name, t in gan.state_dict().items()}
    double, first = train(copy.deepcopy(gan).double(), pictures, z, batch_size)
    single, _ = train(gan, pictures, z, batch_size)
    stored |= {f"first_gradient/{name}": t.float() for name, t in first.items()}
    stored |= {f"float32/{name}": t for name, t in single.items()}

    notes = {
        "made_by": f"{Path(__file__).name}, PyTorch {torch.__version__}",
        "config": vars(config),
        "batch_size": batch_size,
        "drift": drift(single, double),
    }
    save_file(
        {name: t.contiguous() for name, t in stored.items()},
        arguments.output,
        {"reference": json.dumps(notes)},
    )
    print(json.dumps(notes, indent=2))
    print("D", [round(v, 4) for v in double["d_loss"].tolist()])
    print("G", [round(v, 4) for v in double["g_loss"].tolist()])
    print(f"{arguments.output.name}: {len(stored)} tensors, {arguments.output.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Holds pictures that Duel made from a checkpoint against those that PyTorch makes from it.

    ./apps/dcgan sample --checkpoint C --count 16 --save-z z.safetensors --save-images images.safetensors
    python3 scripts/check_checkpoint.py --checkpoint C --z z.safetensors --images images.safetensors

--pngs takes the pictures as single PNG files, in the order of z, and allows them one step of 255.
Exits with 0 only if all pictures agree.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from recipe_torch import Gan, load_checkpoint
from safetensors.torch import load_file
from torch import Tensor


def read_png(path: Path, channels: int) -> Tensor:
    """(channels, H, W) in [-1, 1]."""
    picture = np.array(Image.open(path).convert("L" if channels == 1 else "RGB"), dtype=np.float32)
    return torch.from_numpy(picture.reshape(*picture.shape[:2], channels)).permute(2, 0, 1) / 127.5 - 1


def agrees(what: str, ours: Tensor, theirs: Tensor, tolerance: float) -> bool:
    """Says how far apart two sets of pictures are."""
    if ours.shape != theirs.shape:
        print(f"{what}: shape {list(ours.shape)}, PyTorch's is {list(theirs.shape)}: FAILED")
        return False
    worst = (ours - theirs).abs().max().item()
    good = worst <= tolerance  # false for NaN too
    print(f"{what}: largest difference {worst:.2e}, allowed {tolerance:.2e}: {'ok' if good else 'FAILED'}")
    return good


def generate(gan: Gan, z: Tensor) -> Tensor:
    gan.eval()
    with torch.no_grad():
        return gan.G(z)


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--z", type=Path, required=True, help='safetensors: "z" (count, z_dim) float32')
    parser.add_argument(
        "--images", type=Path, help='safetensors: "images" (count, channels, H, W) in [-1, 1]'
    )
    parser.add_argument("--pngs", type=Path, nargs="+", help="one file for each z")
    parser.add_argument("--tolerance", type=float, default=1e-4, help="for --images (default: %(default)s)")
    arguments = parser.parse_args(words)
    if not arguments.images and not arguments.pngs:
        parser.error("nothing to compare with: give --images or --pngs")

    try:
        gan = load_checkpoint(arguments.checkpoint)
    except ValueError as error:
        raise SystemExit(f"check_checkpoint: {error}") from None
    expected = generate(gan, load_file(arguments.z)["z"])
    print(
        f"{len(expected)} pictures of {arguments.checkpoint.name}; they span "
        f"{expected.min().item():.3f} to {expected.max().item():.3f}"
    )
    results = []
    if arguments.images:
        images = load_file(arguments.images)["images"]
        results.append(agrees("float32", images, expected, arguments.tolerance))
    if arguments.pngs:
        images = torch.stack([read_png(path, gan.config.channels) for path in arguments.pngs])
        results.append(agrees("PNG", images, expected, 1 / 127.5))
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Trains the celeba32 recipe in PyTorch on a folder of pictures: the course to hold Duel's losses against.

Writes into --output: losses.csv (every step), samples/epoch-0001.png ... (64 pictures from one fixed z, G in
evaluation mode) and final.safetensors, a checkpoint that Duel reads.
"""

import argparse
import csv
import time
from pathlib import Path

import numpy as np
import torch
from export_torch import add_config_options, config_of
from PIL import Image, ImageOps
from recipe_torch import Config, Gan, Trainer, load_checkpoint, save_checkpoint
from torch import Tensor

SUFFIXES = {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".tga", ".gif", ".ppm", ".pgm"}


def read_pictures(folder: Path, image_size: int, channels: int, crop: int | None) -> Tensor:
    """All pictures below `folder` as bytes (count, channels, image_size, image_size), ordered by path."""
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    if not paths:
        raise SystemExit(f"{folder}: no pictures there")
    pictures = np.empty((len(paths), image_size, image_size, channels), dtype=np.uint8)
    for i, path in enumerate(paths):
        picture = ImageOps.exif_transpose(Image.open(path)).convert("L" if channels == 1 else "RGB")
        side = min(crop or picture.width, *picture.size)
        left, top = (picture.width - side) // 2, (picture.height - side) // 2
        picture = picture.resize(
            (image_size, image_size), Image.Resampling.BILINEAR, (left, top, left + side, top + side)
        )
        pictures[i] = np.asarray(picture).reshape(pictures[i].shape)
    return torch.from_numpy(pictures).permute(0, 3, 1, 2).contiguous()


def save_grid(images: Tensor, path: Path, columns: int = 8) -> None:
    """`images` (a multiple of `columns`, channels, H, W) in [-1, 1], row by row."""
    count, channels, height, width = images.shape
    pixels = ((images + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
    rows = pixels.view(count // columns, columns, channels, height, width).permute(0, 3, 1, 4, 2)
    grid = rows.reshape(count // columns * height, columns * width, channels).numpy()
    Image.fromarray(grid.squeeze(-1) if channels == 1 else grid).save(path)


def uniform(count: int, z_dim: int) -> Tensor:
    return torch.rand(count, z_dim) * 2 - 1


def train(gan: Gan, pictures: Tensor, arguments: argparse.Namespace) -> None:
    trainer = Trainer(gan, arguments.lr, tuple(arguments.betas))
    z_dim, batch_size = gan.config.z_dim, arguments.batch_size
    fixed_z = uniform(64, z_dim)
    samples = arguments.output / "samples"
    samples.mkdir(parents=True, exist_ok=True)
    steps_left = arguments.steps
    with open(arguments.output / "losses.csv", "w", newline="") as file:
        losses = csv.writer(file)
        losses.writerow(["epoch", "step", "d_loss", "g_loss", "d_real", "d_fake"])
        for epoch in range(1, arguments.epochs + 1):
            start = time.monotonic()
            batches = torch.randperm(len(pictures)).split(batch_size)[: len(pictures) // batch_size]
            rows = []
            for step, batch in enumerate(batches[:steps_left]):
                real = pictures[batch].float() / 127.5 - 1
                d_loss, d_real, d_fake = trainer.d_step(real, uniform(batch_size, z_dim))
                g_loss = trainer.g_step(uniform(batch_size, z_dim))
                rows.append([epoch, step, d_loss.item(), g_loss.item(), d_real.item(), d_fake.item()])
            losses.writerows(rows)
            file.flush()
            d_mean, g_mean = np.mean([row[2:4] for row in rows], axis=0)
            rate = len(rows) * batch_size / (time.monotonic() - start)
            print(f"epoch {epoch}: D {d_mean:.3f}, G {g_mean:.3f}, {rate:.0f} images/s", flush=True)
            gan.eval()
            with torch.no_grad():
                save_grid(gan.G(fixed_z), samples / f"epoch-{epoch:04}.png")
            gan.train()
            if steps_left is not None:
                steps_left -= len(rows)
                if steps_left == 0:
                    break
    save_checkpoint(gan, arguments.output / "final.safetensors")


def positive(word: str) -> int:
    number = int(word)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is less than 1")
    return number


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="a folder of pictures, searched recursively")
    parser.add_argument("--crop", type=int, help="side of the central square to keep (default: the largest)")
    parser.add_argument("--output", type=Path, required=True, help="a folder")
    parser.add_argument("--epochs", type=positive, default=40, help="default: %(default)s")
    parser.add_argument("--steps", type=positive, help="stop after this many, for a trial")
    parser.add_argument("--batch-size", type=positive, default=256, help="default: %(default)s")
    parser.add_argument("--lr", type=float, default=2e-4, help="default: %(default)s")
    parser.add_argument("--betas", type=float, nargs=2, default=[0.5, 0.999], help="default: 0.5 0.999")
    parser.add_argument("--seed", type=int, default=0, help="default: %(default)s")
    parser.add_argument("--threads", type=int, help="default: PyTorch's")
    parser.add_argument(
        "--init", type=Path, help="start from the networks of this checkpoint, whose sizes they then have"
    )
    add_config_options(parser)
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    config = config_of(arguments)
    if arguments.init and config != Config():
        parser.error("--init has the sizes of its networks: leave out the options that give others")
    try:
        gan = load_checkpoint(arguments.init) if arguments.init else Gan(config)
    except ValueError as error:
        raise SystemExit(f"train_torch: {error}") from None
    pictures = read_pictures(arguments.data, gan.config.image_size, gan.config.channels, arguments.crop)
    if len(pictures) < arguments.batch_size:
        parser.error(
            f"a batch of {arguments.batch_size} is larger than the {len(pictures)} pictures of the data"
        )
    print(f"{len(pictures)} pictures, {len(pictures) // arguments.batch_size} steps an epoch")
    train(gan, pictures, arguments)


if __name__ == "__main__":
    main()

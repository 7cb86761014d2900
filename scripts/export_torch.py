#!/usr/bin/env python3
"""Writes both networks, freshly initialised by PyTorch, for `dcgan train --init FILE` or `dcgan sample`."""

import argparse
from dataclasses import fields
from pathlib import Path

import torch
from recipe_torch import IMAGE_SIZES, Config, Gan, save_checkpoint


def add_config_options(parser: argparse.ArgumentParser) -> None:
    """--image-size, --channels, --z-dim, --g-dim, --d-dim, --negative-slope, --bn-eps."""
    for field in fields(Config):
        parser.add_argument(
            "--" + field.name.replace("_", "-"),
            type=type(field.default),
            default=field.default,
            choices=IMAGE_SIZES if field.name == "image_size" else None,
            help="default: %(default)s",
        )


def config_of(arguments: argparse.Namespace) -> Config:
    return Config(**{field.name: getattr(arguments, field.name) for field in fields(Config)})


def main(words: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    add_config_options(parser)
    parser.add_argument("--seed", type=int, default=0, help="default: %(default)s")
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args(words)
    torch.manual_seed(arguments.seed)
    save_checkpoint(Gan(config_of(arguments)), arguments.output)


if __name__ == "__main__":
    main()

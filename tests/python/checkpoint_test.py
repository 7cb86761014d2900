#!/usr/bin/env python3
"""Networks go from PyTorch to Duel and back, and the same z gives the same pictures on both sides.

    python3 tests/python/checkpoint_test.py --dcgan ./apps/dcgan

Exits with 77, which ctest counts as skipped, where PyTorch, safetensors or Pillow is not installed.
"""

import argparse
import random
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
sys.path.insert(0, str(SCRIPTS))

try:
    import check_checkpoint
    import export_torch
    import torch
    from recipe_torch import Gan, load_checkpoint, save_checkpoint
    from safetensors.torch import load_file, save_file
    from torch import nn
except ImportError as error:
    print(f"skipped: {error} (pip install -r scripts/requirements.txt)")
    sys.exit(77)

DCGAN: Path
CHANNELS = {32: 3, 64: 1, 128: 3}


def network(image_size: int) -> dict[str, object]:
    channels = CHANNELS[image_size]
    return dict(image_size=image_size, channels=channels, z_dim=12, g_dim=4, d_dim=4, negative_slope=0.2, bn_eps=1e-3)


def as_words(**options: object) -> list[str]:
    """save_z=FILE becomes --save-z FILE."""
    return [word for name, value in options.items() for word in ("--" + name.replace("_", "-"), str(value))]


def dcgan(command: str, **options: object) -> None:
    words = [str(DCGAN), command, *as_words(**options, device="cpu")]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(words)}\nexited with {done.returncode}\n{done.stdout}{done.stderr}")


def write_pictures(folder: Path, count: int, size: int) -> None:
    """PPM files of noise: nothing is learnt from them, but every weight moves."""
    folder.mkdir()
    generator = random.Random(1)
    for i in range(count):
        header = f"P6\n{size} {size}\n255\n".encode()
        (folder / f"{i:03}.ppm").write_bytes(header + generator.randbytes(3 * size * size))


class Main(nn.Module):
    """The networks of PyTorch's DCGAN example keep their layers under this name: main.0.weight, ..."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.main = nn.Sequential(*layers)
        for name, tensor in self.state_dict().items():
            if tensor.dim() == 4:
                tensor.normal_(0, 0.2)
            elif name.endswith("running_var"):
                tensor.uniform_(0.5, 1.5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.main(x)


def example_generator(z: int, width: int) -> nn.Module:
    layers: list[nn.Module] = []
    for i, (inside, outside) in enumerate(((z, 8 * width), (8 * width, 4 * width), (4 * width, 2 * width), (2 * width, width))):
        conv = nn.ConvTranspose2d(inside, outside, 4, 2 if i else 1, 1 if i else 0, bias=False)
        layers += [conv, nn.BatchNorm2d(outside), nn.ReLU(True)]
    return Main(*layers, nn.ConvTranspose2d(width, 3, 4, 2, 1, bias=False), nn.Tanh())


def example_discriminator(width: int) -> nn.Module:
    layers: list[nn.Module] = [nn.Conv2d(3, width, 4, 2, 1, bias=False), nn.LeakyReLU(0.2, True)]
    for inside in (width, 2 * width, 4 * width):
        conv = nn.Conv2d(inside, 2 * inside, 4, 2, 1, bias=False)
        layers += [conv, nn.BatchNorm2d(2 * inside), nn.LeakyReLU(0.2, True)]
    return Main(*layers, nn.Conv2d(8 * width, 1, 4, 1, 0, bias=False), nn.Sigmoid())


class CheckpointTest(unittest.TestCase):
    def setUp(self) -> None:
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = Path(temporary.name)

    def export(self, image_size: int) -> Path:
        """Networks by PyTorch, weights enlarged: fresh ones make grey pictures, which agree by nature."""
        path = self.folder / f"exported-{image_size}.safetensors"
        export_torch.main(as_words(**network(image_size), output=path))
        gan = load_checkpoint(path)
        for name, tensor in gan.state_dict().items():
            if name.endswith("running_var"):
                tensor.uniform_(0.5, 1.5)
            elif tensor.dim() == 1:
                tensor.add_(torch.randn_like(tensor), alpha=0.1)
            elif tensor.dim() > 1:
                tensor.mul_(10)
        save_checkpoint(gan, path)
        return path

    def train(self, init: Path, lr: float, image_size: int = 32) -> Gan:
        """One epoch of two iterations of Duel from the networks of `init`; leaves them in self.trained."""
        data, output = self.folder / "data", self.folder / "run"
        write_pictures(data, 16, image_size)
        options = network(image_size)
        dcgan("train", data=data, init=init, epochs=1, batch_size=8, lr=lr, output=output, **options)
        self.trained = max(output.rglob("*.safetensors"), key=lambda path: path.stat().st_mtime_ns)
        return load_checkpoint(self.trained)

    def check_pictures(self, checkpoint: Path) -> None:
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        z, images, grid = folder / "z.safetensors", folder / "images.safetensors", folder / "grid.png"
        dcgan("sample", checkpoint=checkpoint, count=5, seed=3, save_z=z, save_images=images, output=grid)
        self.assertGreater(load_file(images)["images"].abs().max().item(), 0.5)
        words = as_words(checkpoint=checkpoint, z=z, images=images)
        self.assertEqual(check_checkpoint.main(words), 0)

    def test_networks_of_another_recipe_are_refused(self) -> None:
        data, output = self.folder / "data", self.folder / "run"
        write_pictures(data, 4, 64)
        dcgan("train", recipe="dcgan64", data=data, steps=1, batch_size=4, g_dim=4, d_dim=4, output=output)
        with self.assertRaisesRegex(ValueError, r"not those of celeba32, .*: D.fc.bias is missing \(recipe dcgan64\)"):
            load_checkpoint(output / "networks.safetensors")

    def test_duel_draws_the_pictures_of_networks_from_pytorch(self) -> None:
        for image_size in CHANNELS:
            with self.subTest(image_size=image_size):
                self.check_pictures(self.export(image_size))

    def test_pytorch_draws_the_pictures_of_networks_trained_by_duel(self) -> None:
        exported = self.export(64)
        trained = self.train(exported, lr=0.01, image_size=64)
        start = load_checkpoint(exported).state_dict()
        for name, tensor in trained.state_dict().items():
            self.assertFalse(tensor.equal(start[name]), f"{name} has not moved")
        self.check_pictures(self.trained)

    def test_training_starts_from_networks_of_pytorch(self) -> None:
        exported = self.export(32)
        # Adam moves no weight by more than about lr an iteration.
        trained = dict(self.train(exported, lr=1e-9).named_parameters())
        for name, parameter in load_checkpoint(exported).named_parameters():
            self.assertLess((trained[name] - parameter).abs().max().item(), 1e-7, name)

    def test_dcgan64_is_the_network_of_pytorchs_example(self) -> None:
        torch.manual_seed(2)
        networks = {"G": example_generator(z=12, width=4), "D": example_discriminator(width=4)}
        state = {f"{name}.{key}": t for name, network in networks.items() for key, t in network.state_dict().items()}
        init, output = self.folder / "example.safetensors", self.folder / "run"
        save_file(state, init)
        write_pictures(self.folder / "data", 8, 64)
        dcgan(
            "train",
            recipe="dcgan64",
            data=self.folder / "data",
            init=init,
            epochs=0,
            batch_size=8,
            z_dim=12,
            g_dim=4,
            d_dim=4,
            output=output,
        )
        networks_file = output / "networks.safetensors"
        written = load_file(networks_file)
        self.assertEqual(set(written), set(state))
        for name, tensor in state.items():
            self.assertTrue(written[name].equal(tensor), name)

        z, images = self.folder / "z.safetensors", self.folder / "images.safetensors"
        grid = self.folder / "grid.png"
        dcgan("sample", checkpoint=networks_file, count=3, save_z=z, save_images=images, output=grid)
        generator = networks["G"].eval()
        with torch.no_grad():
            expected = generator(load_file(z)["z"].view(3, 12, 1, 1))
        self.assertGreater(expected.abs().max().item(), 0.5)
        torch.testing.assert_close(load_file(images)["images"], expected, rtol=1e-4, atol=1e-5)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dcgan", type=Path, required=True)
    DCGAN = parser.parse_args().dcgan.resolve()
    unittest.main(argv=sys.argv[:1])

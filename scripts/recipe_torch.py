"""The celeba32 recipe in PyTorch: both networks, named as in Duel's checkpoints, and the training step."""

import json
from dataclasses import dataclass, fields
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn


IMAGE_SIZES = (32, 64, 128)


@dataclass(frozen=True)
class Config:
    """What the shapes depend on; image_size, of IMAGE_SIZES, is in pixels."""

    image_size: int = 32
    channels: int = 3
    z_dim: int = 100
    g_dim: int = 64
    d_dim: int = 64
    negative_slope: float = 0.01
    bn_eps: float = 1e-5

    def __post_init__(self) -> None:
        if self.image_size not in IMAGE_SIZES:
            raise ValueError(f"image_size is 32, 64 or 128, not {self.image_size}")

    @property
    def g_layers(self) -> int:
        """Transposed convolutions of G, from 2x2 to the picture: 4, 5 or 6."""
        return self.image_size.bit_length() - 2

    @property
    def d_layers(self) -> int:
        """Convolutions of D, from the picture to 4x4: 3, 4 or 5."""
        return self.g_layers - 1


class Generator(nn.Module):
    """z (N, z_dim) to pictures (N, channels, image_size, image_size) in [-1, 1]."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        width = config.g_dim << (config.g_layers - 1)
        self.fc = nn.Linear(config.z_dim, width * 2 * 2)
        for i in range(1, config.g_layers):
            self.add_module(
                f"layer_{i}",
                nn.Sequential(
                    nn.ConvTranspose2d(width, width // 2, 4, stride=2, padding=1, bias=False),
                    nn.BatchNorm2d(width // 2, config.bn_eps),
                    nn.ReLU(),
                ),
            )
            width //= 2
        self.add_module(
            f"layer_{config.g_layers}",
            nn.Sequential(
                nn.ConvTranspose2d(width, config.channels, 4, stride=2, padding=1, bias=False), nn.Tanh()
            ),
        )

    def forward(self, z: Tensor) -> Tensor:
        fc, *layers = self.children()
        y = fc(z).view(len(z), -1, 2, 2)
        for layer in layers:
            y = layer(y)
        return y


class Discriminator(nn.Module):
    """Pictures (N, channels, image_size, image_size) to logits (N, 1)."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        width = config.d_dim
        self.layer_1 = nn.Sequential(
            nn.Conv2d(config.channels, width, 4, stride=2, padding=1, bias=False),
            nn.LeakyReLU(config.negative_slope),
        )
        for i in range(2, config.d_layers + 1):
            self.add_module(
                f"layer_{i}",
                nn.Sequential(
                    nn.Conv2d(width, width * 2, 4, stride=2, padding=1, bias=False),
                    nn.BatchNorm2d(width * 2, config.bn_eps),
                    nn.LeakyReLU(config.negative_slope),
                ),
            )
            width *= 2
        self.fc = nn.Linear(width * 4 * 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        *layers, fc = self.children()
        for layer in layers:
            x = layer(x)
        return fc(x.flatten(1))


def initialise(network: nn.Module) -> None:
    """Weights of linear and (transposed) convolutions ~ N(0, 0.02), biases 0; batch norm stays 1 and 0."""
    for layer in network.modules():
        if isinstance(layer, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)):
            nn.init.normal_(layer.weight, 0.0, 0.02)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


class Gan(nn.Module):
    """Both networks; its state dict has the names of a checkpoint: G.fc.weight, D.layer_1.0.weight, ..."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.G = Generator(config)
        self.D = Discriminator(config)
        initialise(self)


class Trainer:
    """One Adam for each network and the two steps; pictures are (N, channels, H, W) in [-1, 1]."""

    def __init__(self, gan: Gan, lr: float = 2e-4, betas: tuple[float, float] = (0.5, 0.999)) -> None:
        self.G, self.D = gan.G, gan.D
        self.optimizer_g = torch.optim.Adam(self.G.parameters(), lr, betas)
        self.optimizer_d = torch.optim.Adam(self.D.parameters(), lr, betas)

    def d_step(self, real: Tensor, z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """D learns to call real pictures 1 and generated ones 0; its loss, mean D(x) and mean D(G(z))."""
        with torch.no_grad():
            fake = self.G(z)
        logit_real, logit_fake = self.D(real), self.D(fake)
        loss = F.binary_cross_entropy_with_logits(
            logit_real, torch.ones_like(logit_real)
        ) + F.binary_cross_entropy_with_logits(logit_fake, torch.zeros_like(logit_fake))
        self.optimizer_d.zero_grad()
        loss.backward()
        self.optimizer_d.step()
        return loss.detach(), logit_real.detach().sigmoid().mean(), logit_fake.detach().sigmoid().mean()

    def g_step(self, z: Tensor) -> Tensor:
        """G learns to make D call its pictures 1; its loss. D's weights need no gradient here."""
        self.D.requires_grad_(False)
        logit = self.D(self.G(z))
        loss = F.binary_cross_entropy_with_logits(logit, torch.ones_like(logit))
        self.optimizer_g.zero_grad()
        loss.backward()
        self.optimizer_g.step()
        self.D.requires_grad_(True)
        return loss.detach()


def values_of(config: dict[str, object]) -> dict[str, object]:
    """The values of all sections ("data", "latent", "networks", ...) and those that stand at the top."""
    sections = [section for section in config.values() if isinstance(section, dict)]
    return {key: value for section in [config, *sections] for key, value in section.items()}


def load_checkpoint(path: Path) -> Gan:
    """A checkpoint's networks, each tensor checked for name, shape and dtype; others are left aside."""
    with safe_open(path, "pt") as file:
        metadata = file.metadata() or {}
        if "config" not in metadata:
            raise ValueError(f"{path}: no config in the metadata: not a checkpoint")
        config = values_of(json.loads(metadata["config"]))
        gan = Gan(Config(**{field.name: config.get(field.name, field.default) for field in fields(Config)}))
        expected = gan.state_dict()
        missing = sorted(expected.keys() - set(file.keys()))
        if missing:
            raise ValueError(
                f"{path}: its networks are not those of celeba32, which alone are known here: {missing[0]} is missing "
                f"(recipe {config.get('recipe', 'not named')})"
            )
        state = {name: file.get_tensor(name) for name in expected}
    for name, tensor in state.items():
        if tensor.dtype != expected[name].dtype or tensor.shape != expected[name].shape:
            raise ValueError(
                f"{path}: {name} is {tensor.dtype} {list(tensor.shape)}, PyTorch has "
                f"{expected[name].dtype} {list(expected[name].shape)}"
            )
    gan.load_state_dict(state)
    return gan


def save_checkpoint(gan: Gan, path: Path) -> None:
    """The networks in the form of a checkpoint, for `dcgan sample --checkpoint` and `dcgan train --init`."""
    save_file(gan.state_dict(), path, {"config": json.dumps(vars(gan.config))})

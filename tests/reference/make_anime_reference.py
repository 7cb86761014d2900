#!/usr/bin/env python3
"""Trains a narrow anime64 in PyTorch for twenty iterations and stores what others need to do the same.

Writes anime.safetensors beside this script; README.md says what is in it. Dropout masks and label noise are
those that Duel's random streams give, computed here once more from their definition in lib/philox.h.
"""

import copy
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from make_dcgan_reference import Tensors, blobs
from safetensors.torch import save_file
from torch import Tensor, nn

HERE = Path(__file__).resolve().parent
POOL = 3  # batches of different pictures; iteration i trains on batch i % POOL
DROPOUT_STREAM, LABEL_STREAM = 3, 6


@dataclass(frozen=True)
class Config:
    """Clipping and decay are far stronger than the recipe's, so that a fault in them would show."""

    image_size: int = 64
    channels: int = 3
    z_dim: int = 8
    g_dim: int = 2
    d_dim: int = 4
    batch_size: int = 4
    iterations: int = 20
    negative_slope: float = 0.3
    dropout: float = 0.4
    lr_g: float = 4e-4
    lr_d: float = 8e-4
    alpha: float = 0.9
    eps: float = 1e-7
    clip_value: float = 0.01
    decay: float = 0.01
    label_real: float = 0.0
    label_fake: float = 1.0
    label_noise: float = 0.05
    seed: int = 0


class PhiloxStream:
    """Philox 4x32-10 as lib/philox.h defines it, by whole blocks as lib/random.h takes them."""

    def __init__(self, seed: int, stream: int) -> None:
        self.seed, self.stream, self.position = seed, stream, 0

    def uniform(self, shape: tuple[int, ...]) -> Tensor:
        """Float32 numbers in (0, 1)."""
        count = int(np.prod(shape))
        blocks = np.arange(self.position, self.position + -(-count // 4), dtype=np.uint64)
        self.position += len(blocks)
        low = np.uint64(0xFFFFFFFF)
        c = [blocks & low, blocks >> np.uint64(32)]
        c += [np.full_like(blocks, self.stream & 0xFFFFFFFF), np.full_like(blocks, self.stream >> 32)]
        k0, k1 = self.seed & 0xFFFFFFFF, self.seed >> 32
        for _ in range(10):
            p0, p1 = np.uint64(0xD2511F53) * c[0], np.uint64(0xCD9E8D57) * c[2]
            c = [
                (p1 >> np.uint64(32)) ^ c[1] ^ np.uint64(k0),
                p1 & low,
                (p0 >> np.uint64(32)) ^ c[3] ^ np.uint64(k1),
                p0 & low,
            ]
            k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
        words = np.stack(c, axis=1).reshape(-1)[:count]
        numbers = ((words >> np.uint64(9)).astype(np.float32) + np.float32(0.5)) * np.float32(2**-23)
        return torch.from_numpy(numbers.reshape(shape))


class StreamDropout(nn.Module):
    """nn.Dropout with the masks of a stream."""

    def __init__(self, p: float, stream: PhiloxStream) -> None:
        super().__init__()
        self.p, self.stream = p, stream

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return x
        keep = self.stream.uniform(tuple(x.shape)) < np.float32(1 - self.p)
        return x * keep.to(x.dtype) / (1 - self.p)


def group(layer: nn.Module, activation: nn.Module) -> nn.Sequential:
    return nn.Sequential(layer, activation)


class Gan(nn.Module):
    """Both networks; the state dict has the names of a checkpoint of the recipe."""

    def __init__(self, c: Config) -> None:
        super().__init__()
        half, g, d, slope = c.image_size // 2, c.g_dim, c.d_dim, c.negative_slope
        self.G = nn.Sequential()
        fc = nn.Sequential(nn.Linear(c.z_dim, g * half * half), nn.LeakyReLU(slope), nn.Unflatten(1, (g, half, half)))
        self.G.add_module("fc", fc)
        self.G.add_module("layer_1", group(nn.Conv2d(g, 2 * g, 5, padding="same"), nn.LeakyReLU(slope)))
        up = nn.ConvTranspose2d(2 * g, 2 * g, 4, stride=2, padding=1)
        self.G.add_module("layer_2", group(up, nn.LeakyReLU(slope)))
        self.G.add_module("layer_3", group(nn.Conv2d(2 * g, 2 * g, 5, padding="same"), nn.LeakyReLU(slope)))
        self.G.add_module("layer_4", group(nn.Conv2d(2 * g, 2 * g, 5, padding="same"), nn.LeakyReLU(slope)))
        self.G.add_module("layer_5", group(nn.Conv2d(2 * g, c.channels, 7, padding="same"), nn.Tanh()))
        self.D = nn.Sequential()
        self.D.add_module("layer_1", group(nn.Conv2d(c.channels, d, 3), nn.LeakyReLU(slope)))
        for i in range(2, 5):
            self.D.add_module(f"layer_{i}", group(nn.Conv2d(d, d, 4, stride=2), nn.LeakyReLU(slope)))
        self.D.add_module("view", nn.Flatten())
        self.D.add_module("dropout", StreamDropout(c.dropout, PhiloxStream(c.seed, DROPOUT_STREAM)))
        side = (((c.image_size - 2 - 4) // 2 + 1 - 4) // 2 + 1 - 4) // 2 + 1
        self.D.add_module("fc", nn.Linear(d * side * side, 1))
        for parameter in self.parameters():
            if parameter.dim() > 1:
                nn.init.xavier_uniform_(parameter)
            else:
                nn.init.zeros_(parameter)


class KerasRmsprop:
    """torch.optim.RMSprop with Keras' clipvalue and decay."""

    def __init__(self, network: nn.Module, lr: float, c: Config) -> None:
        self.parameters, self.lr, self.config, self.steps = list(network.parameters()), lr, c, 0
        self.rmsprop = torch.optim.RMSprop(self.parameters, lr, c.alpha, c.eps)

    def step(self) -> None:
        nn.utils.clip_grad_value_(self.parameters, self.config.clip_value)
        self.rmsprop.param_groups[0]["lr"] = self.lr / (1 + self.config.decay * self.steps)
        self.rmsprop.step()
        self.steps += 1


def train(gan: Gan, c: Config, pictures: Tensor, z: Tensor) -> tuple[Tensors, Tensors]:
    """All iterations, in the precision of `gan`: the log and what is left, and G's first gradients."""
    dtype = next(gan.parameters()).dtype
    label_stream = PhiloxStream(c.seed, LABEL_STREAM)
    optimizer_g, optimizer_d = KerasRmsprop(gan.G, c.lr_g, c), KerasRmsprop(gan.D, c.lr_d, c)
    bce = F.binary_cross_entropy_with_logits

    def labels(label: float) -> Tensor:
        low, high = np.float32(label), np.float32(c.label_noise)
        return (low + high * label_stream.uniform((c.batch_size, 1))).to(dtype)

    losses: dict[str, list[Tensor]] = {name: [] for name in ("d_loss", "g_loss", "d_real", "d_fake")}
    first: Tensors = {}
    for i, (z_d, z_g) in enumerate(z.to(dtype)):
        real = pictures[i % POOL * c.batch_size :][: c.batch_size].to(dtype) / 255 * 2 - 1
        with torch.no_grad():
            fake = gan.G(z_d)
        real_logits, fake_logits = gan.D(real), gan.D(fake)
        d_loss = bce(real_logits, labels(c.label_real)) + bce(fake_logits, labels(c.label_fake))
        gan.zero_grad()
        d_loss.backward()
        optimizer_d.step()

        logits = gan.D(gan.G(z_g))
        g_loss = bce(logits, torch.full_like(logits, c.label_real))
        gan.zero_grad()
        g_loss.backward()
        if i == 0:
            first = {f"G.{name}": p.grad.clone() for name, p in gan.G.named_parameters()}
        optimizer_g.step()

        # The label of real pictures is the lower one: the probability of "real" is that of the other side.
        seen = (d_loss, g_loss, (-real_logits).sigmoid().mean(), (-fake_logits).sigmoid().mean())
        for values, value in zip(losses.values(), seen, strict=True):
            values.append(value.detach())

    result = {name: torch.stack(values) for name, values in losses.items()}
    result |= {f"final/{name}": t.clone() for name, t in gan.state_dict().items()}
    for prefix, network, optimizer in (("G", gan.G, optimizer_g), ("D", gan.D, optimizer_d)):
        for name, p in network.named_parameters():
            result[f"square_avg/{prefix}.{name}"] = optimizer.rmsprop.state[p]["square_avg"]
    return result, first


def layer_outputs(gan: Gan, z: Tensor, picture: Tensor) -> Tensors:
    """What each layer of both networks makes of one latent and of one picture, in evaluation mode."""
    gan.eval()
    outputs: Tensors = {}
    with torch.no_grad():
        for name, network, x in (("G", gan.G, z), ("D", gan.D, picture)):
            for layer, module in network.named_children():
                x = module(x)
                outputs[f"layer/{name}.{layer}"] = x
    gan.train()
    return outputs


def main() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(1)
    rng = np.random.default_rng(1)
    c = Config()
    gan = Gan(c)
    pictures = torch.from_numpy(blobs(POOL * c.batch_size, c.image_size, rng))
    z = torch.from_numpy(
        rng.standard_normal((c.iterations, 2, c.batch_size, c.z_dim)).astype(np.float32)
    )
    stored = {"pictures": pictures, "z": z}
    stored |= {f"initial/{name}": t.clone() for name, t in gan.state_dict().items()}
    stored |= layer_outputs(gan, z[0, 0, :1], pictures[:1].float() / 255 * 2 - 1)
    double, first = train(copy.deepcopy(gan).double(), c, pictures, z)
    single, _ = train(gan, c, pictures, z)
    stored |= {f"first_gradient/{name}": t.float() for name, t in first.items()}
    stored |= {f"float32/{name}": t for name, t in single.items()}
    stored |= {f"float64/{name}": double[name] for name in ("d_loss", "g_loss", "d_real", "d_fake")}

    names = ("d_loss", "g_loss", "d_real", "d_fake")
    worst = {n: ((single[n] - double[n]).abs() / double[n].abs()).max().item() for n in names}
    for kind in ("final", "square_avg"):
        worst[kind] = max(
            ((single[n] - double[n]).abs().max() / double[n].abs().max()).item()
            for n in double
            if n.startswith(f"{kind}/")
        )
    notes = {
        "made_by": f"{Path(__file__).name}, PyTorch {torch.__version__}",
        "config": vars(c),
        "drift": worst,
    }
    output = HERE / "anime.safetensors"
    save_file({n: t.clone(memory_format=torch.contiguous_format) for n, t in stored.items()}, output, {"reference": json.dumps(notes)})
    print(json.dumps(notes, indent=2))
    print("D", [round(v, 4) for v in double["d_loss"].tolist()])
    print("G", [round(v, 4) for v in double["g_loss"].tolist()])
    print(f"{output.name}: {len(stored)} tensors, {output.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()

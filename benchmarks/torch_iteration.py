"""One iteration of the celeba32 recipe in PyTorch, measured as duel_measure measures Duel's: one line of JSON when it
is warm, then one for each line of standard input, which gives the seconds to run."""

import argparse
import contextlib
import json
import resource
import sys
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "scripts"))
from recipe_torch import Config, Gan, Trainer  # noqa: E402

BATCHES = 4
WARM_UP_SECONDS = 1.0


class TrainerAsWritten(Trainer):
    """The steps as the original writes them: the fakes stay tied to G, so that D's backward runs on through G, and
    G's backward computes D's weight gradients; both are thrown away by the next zero_grad()."""

    def d_step(self, real: Tensor, z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        logit_real, logit_fake = self.D(real), self.D(self.G(z))
        loss = (F.binary_cross_entropy_with_logits(logit_real, torch.ones_like(logit_real))
                + F.binary_cross_entropy_with_logits(logit_fake, torch.zeros_like(logit_fake)))
        self.optimizer_d.zero_grad()
        loss.backward()
        self.optimizer_d.step()
        return loss.detach(), logit_real.detach().sigmoid().mean(), logit_fake.detach().sigmoid().mean()

    def g_step(self, z: Tensor) -> Tensor:
        logit = self.D(self.G(z))
        loss = F.binary_cross_entropy_with_logits(logit, torch.ones_like(logit))
        self.optimizer_g.zero_grad()
        loss.backward()
        self.optimizer_g.step()
        return loss.detach()


class FusedTrainer(Trainer):
    """The recipe's steps, without useless work, and the fused Adam. On a card its step count lies there, so that a step
    can be captured."""

    def __init__(self, gan: Gan, device: str = "cpu") -> None:
        super().__init__(gan)
        options = {"fused": True, "capturable": device == "cuda"}
        self.optimizer_g = torch.optim.Adam(self.G.parameters(), 2e-4, (0.5, 0.999), **options)
        self.optimizer_d = torch.optim.Adam(self.D.parameters(), 2e-4, (0.5, 0.999), **options)


class Bf16(nn.Module):
    """A network under autocast to bfloat16; what leaves it is float32. Weights are cast anew each time, of which each is
    used once: a captured step must not take them from a cache."""

    def __init__(self, network: nn.Module, device: str = "cpu") -> None:
        super().__init__()
        self.network, self.device = network, device

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast(self.device, torch.bfloat16, cache_enabled=False):
            return self.network(x).float()


class Iteration:
    """Takes a batch of bytes, turns it into numbers, draws z twice, updates D and G and reads both losses."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.config = Config(image_size=arguments.image_size)
        self.batch_size = arguments.batch_size
        gan = Gan(self.config)
        layout = torch.channels_last if arguments.channels_last else torch.contiguous_format
        gan = gan.to(memory_format=layout)
        self.trainer = TrainerAsWritten(gan) if arguments.as_written else FusedTrainer(gan)
        if arguments.bf16:
            self.trainer.G, self.trainer.D = Bf16(self.trainer.G), Bf16(self.trainer.D)
        if arguments.compile:
            self.trainer.G.compile()
            self.trainer.D.compile()
        shape = (BATCHES, self.batch_size, self.config.channels, self.config.image_size, self.config.image_size)
        self.batches = [batch.contiguous(memory_format=layout)
                        for batch in torch.randint(0, 256, shape, dtype=torch.uint8)]
        self.count = 0

    def draw_z(self) -> Tensor:
        return torch.rand(self.batch_size, self.config.z_dim) * 2 - 1

    def run(self) -> None:
        real = self.batches[self.count % BATCHES].float() / 127.5 - 1
        self.count += 1
        d_loss, _, _ = self.trainer.d_step(real, self.draw_z())
        g_loss = self.trainer.g_step(self.draw_z())
        losses = torch.stack([d_loss, g_loss])
        if not losses.isfinite().all():
            raise SystemExit(f"the losses are {losses.tolist()}: the iteration computes nonsense")

    def timed(self, seconds: float) -> dict[str, float]:
        """As many iterations as fill the seconds, at least one."""
        start, count, elapsed = time.perf_counter(), 0, 0.0
        while count == 0 or elapsed < seconds:
            self.run()
            count += 1
            elapsed = time.perf_counter() - start
        kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return {"iterations": count, "images_per_second": count * self.batch_size / elapsed,
                "peak_rss_mb": kilobytes * 1024e-6}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--as-written", action="store_true", help="the useless work of the original included")
    parser.add_argument("--channels-last", action="store_true", help="the layout of weights and pictures")
    parser.add_argument("--compile", action="store_true", help="both networks by torch.compile")
    parser.add_argument("--bf16", action="store_true", help="both networks under autocast")
    parser.add_argument("--batch-size", type=int, default=256, help="default: %(default)s")
    parser.add_argument("--image-size", type=int, default=32, help="default: %(default)s")
    parser.add_argument("--threads", type=int, required=True)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.set_flush_denormal(True)
    torch.manual_seed(0)
    with contextlib.redirect_stdout(sys.stderr):  # what compiling prints is no measurement
        iteration = Iteration(arguments)
        iteration.timed(WARM_UP_SECONDS)
    print(json.dumps({"description": f"PyTorch {torch.__version__}, {torch.get_num_threads()} threads, "
                                     f"{torch.backends.cpu.get_cpu_capability()}"}), flush=True)
    for line in sys.stdin:
        print(json.dumps(iteration.timed(float(line))), flush=True)


if __name__ == "__main__":
    main()

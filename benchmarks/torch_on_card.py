"""One iteration of the celeba32 recipe in PyTorch on a card, as the original writes it or at PyTorch's best; prints one
line of JSON. scripts/gpu_check.sh runs it beside duel_bench, in the same minutes.

At its best: no work that is thrown away, the pictures on the card as bytes, channels-last tensors, fused Adam, both
networks by torch.compile, TF32 or autocast to bfloat16, and D's and G's whole step each captured as a CUDA graph."""

import argparse
import contextlib
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).resolve().parent))
from torch_iteration import Bf16, FusedTrainer, TrainerAsWritten  # noqa: E402
from recipe_torch import Config, Gan  # noqa: E402

BATCHES = 4
WARM_UP = 5


class AsWritten:
    """A batch comes from the host as numbers; every kernel is launched by Python."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.device = arguments.device
        config = Config(image_size=arguments.image_size)
        self.trainer = TrainerAsWritten(Gan(config).to(self.device))
        self.batches = [pixels.float() / 127.5 - 1 for pixels in random_pixels(arguments)]
        self.z_shape = (arguments.batch_size, config.z_dim)

    def run(self, number: int) -> Tensor:
        real = self.batches[number % BATCHES].to(self.device)
        d_loss, _, _ = self.trainer.d_step(real, self.draw_z())
        return torch.stack([d_loss, self.trainer.g_step(self.draw_z())])

    def draw_z(self) -> Tensor:
        return torch.rand(self.z_shape, device=self.device) * 2 - 1


class Best:
    """The pictures lie on the card; two replays make an iteration."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.device = arguments.device
        config = Config(image_size=arguments.image_size)
        gan = Gan(config).to(self.device).to(memory_format=torch.channels_last)
        self.trainer = FusedTrainer(gan, self.device)
        if arguments.precision == "bf16":
            self.trainer.G = Bf16(self.trainer.G, self.device)
            self.trainer.D = Bf16(self.trainer.D, self.device)
        if not arguments.no_compile:
            self.trainer.G.compile()
            self.trainer.D.compile()
        self.batches = [pixels.to(self.device).contiguous(memory_format=torch.channels_last)
                        for pixels in random_pixels(arguments)]
        self.pixels = torch.empty_like(self.batches[0])
        self.z_shape = (arguments.batch_size, config.z_dim)
        self.losses = torch.zeros(2, device=self.device)
        self.d_step, self.g_step = captured(self.device, self.plain_d_step), captured(self.device, self.plain_g_step)

    def plain_d_step(self) -> None:
        self.losses[0] = self.trainer.d_step(self.pixels.float() / 127.5 - 1, self.draw_z())[0]

    def plain_g_step(self) -> None:
        self.losses[1] = self.trainer.g_step(self.draw_z())

    def run(self, number: int) -> Tensor:
        self.pixels.copy_(self.batches[number % BATCHES])
        self.d_step()
        self.g_step()
        return self.losses

    def draw_z(self) -> Tensor:
        return torch.rand(self.z_shape, device=self.device) * 2 - 1


def random_pixels(arguments: argparse.Namespace) -> Tensor:
    size = arguments.image_size
    return torch.randint(0, 256, (BATCHES, arguments.batch_size, 3, size, size), dtype=torch.uint8)


def captured(device: str, step: Callable[[], None]) -> Callable[[], None]:
    """A replay of the step, warmed up on a stream of its own as torch.cuda.graph asks for; elsewhere the step."""
    if device != "cuda":
        return step
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(WARM_UP):
            step()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph.replay


def synchronize(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


def matrix_rate(device: str, precision: str) -> float:
    """TFLOP/s of a large square product, as PyTorch reaches it: the card's measured matrix rate."""
    size = 8192 if device == "cuda" else 512
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    a, b = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
    best = float("inf")
    for _ in range(6):
        synchronize(device)
        start = time.perf_counter()
        torch.mm(a, b)
        synchronize(device)
        best = min(best, time.perf_counter() - start)
    return 2e-12 * size**3 / best


def timed(iteration: AsWritten | Best, arguments: argparse.Namespace) -> dict[str, float]:
    losses = torch.zeros(2)
    for number in range(WARM_UP):
        losses = iteration.run(number)
    synchronize(arguments.device)
    start, count = time.perf_counter(), 0
    while count == 0 or time.perf_counter() - start < arguments.seconds:
        for _ in range(arguments.stretch):  # the host runs no further ahead than this
            losses = iteration.run(count)
            count += 1
        synchronize(arguments.device)
    elapsed = time.perf_counter() - start
    if not losses.isfinite().all():
        raise SystemExit(f"the losses are {losses.tolist()}: the iteration computes nonsense")
    return {"ms": 1e3 * elapsed / count, "images_per_second": count * arguments.batch_size / elapsed}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("way", choices=["as-written", "best"])
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--precision", choices=["fp32", "tf32", "bf16"], default="fp32",
                        help="bf16 only at its best; default: %(default)s")
    parser.add_argument("--batch-size", type=int, default=256, help="default: %(default)s")
    parser.add_argument("--image-size", type=int, default=32, help="default: %(default)s")
    parser.add_argument("--seconds", type=float, default=2, help="default: %(default)s")
    parser.add_argument("--stretch", type=int, default=20, help="iterations between two waits; default: %(default)s")
    parser.add_argument("--no-compile", action="store_true", help="without torch.compile")
    arguments = parser.parse_args()
    if arguments.way == "as-written" and arguments.precision == "bf16":
        parser.error("as written, the original has no autocast: --precision fp32 or tf32")
    if arguments.device == "cuda" and not torch.cuda.is_available():
        raise SystemExit("PyTorch finds no card")
    torch.manual_seed(0)
    torch.backends.cuda.matmul.allow_tf32 = arguments.precision == "tf32"
    torch.backends.cudnn.allow_tf32 = arguments.precision == "tf32"
    torch.backends.cudnn.benchmark = arguments.way == "best"
    # What compiling prints belongs to nobody's table.
    with contextlib.redirect_stdout(sys.stderr):
        iteration = AsWritten(arguments) if arguments.way == "as-written" else Best(arguments)
        result = timed(iteration, arguments)
    name = torch.cuda.get_device_name() if arguments.device == "cuda" else "CPU"
    print(json.dumps({"description": f"PyTorch {torch.__version__} on {name}", **result,
                      "matrix_tflops": matrix_rate(arguments.device, arguments.precision)}))


if __name__ == "__main__":
    main()

"""Duel beside PyTorch on the training iteration of celeba32: the same arithmetic, alternating in one run.

Every peer is a process of its own that warms up once and then runs for some seconds whenever it is its turn; the
machine's multiply-add peak is measured in every round. The tables go to the terminal and to benchmarks/RESULTS.md.
"""

import argparse
import contextlib
import datetime
import json
import os
import platform
import selectors
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TORCH = str(Path(__file__).resolve().with_name("torch_iteration.py"))
FASTEST_FP32 = "the fastest fp32 PyTorch"


@dataclass(frozen=True)
class Peer:
    name: str
    program: str  # "duel" or "torch"
    options: tuple[str, ...] = ()

    def command(self, arguments: argparse.Namespace, batch_size: int) -> list[str]:
        start = ([str(arguments.build / "duel_measure"), "iteration", "--device", "cpu", "--serve"] if self.program == "duel"
                 else [sys.executable, TORCH])
        return [*start, *self.options, "--batch-size", str(batch_size), "--image-size", str(arguments.image_size),
                "--threads", str(arguments.threads)]

    @property
    def is_fp32_torch(self) -> bool:
        return self.program == "torch" and "--bf16" not in self.options


PEERS = (
    Peer("Duel", "duel"),
    Peer("Duel, bf16 products", "duel", ("--precision", "bf16")),
    Peer("Duel, without minimal filtering", "duel", ("--conv", "implicit")),
    Peer("Duel, im2col and OpenBLAS", "duel", ("--conv", "im2col")),
    Peer("PyTorch, as the original writes it", "torch", ("--as-written",)),
    Peer("PyTorch, useless work removed", "torch"),
    Peer("… channels-last", "torch", ("--channels-last",)),
    Peer("… torch.compile", "torch", ("--compile",)),
    Peer("… channels-last, torch.compile", "torch", ("--channels-last", "--compile")),
    Peer("… channels-last, bf16 autocast", "torch", ("--channels-last", "--bf16")),
    Peer("… channels-last, bf16 autocast, torch.compile", "torch", ("--channels-last", "--bf16", "--compile")),
)


class Failure(Exception):
    """A peer that cannot take part, in one line."""


class Worker:
    """A peer's process, warm and waiting. Throws Failure where it does not get that far in `timeout` seconds."""

    def __init__(self, command: list[str], timeout: float) -> None:
        self.errors = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors,
                                        text=True)
        try:
            self.ready = self.read(timeout)
        except Failure:
            self.close()
            raise

    def read(self, timeout: float) -> dict:
        assert self.process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            if not selector.select(timeout):
                raise Failure(f"no answer within {timeout:.0f} s")
        line = self.process.stdout.readline()
        if line:
            try:
                return json.loads(line)
            except json.JSONDecodeError:
                raise Failure(f"printed \"{line.strip()[:80]}\" in place of a measurement") from None
        self.errors.seek(0)
        lines = [text.strip() for text in self.errors if text.strip()]
        raise Failure(lines[-1] if lines else f"ended with status {self.process.wait()}")

    def measure(self, seconds: float, timeout: float) -> dict:
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # a process that has ended: read() says why
            self.process.stdin.write(f"{seconds}\n")
            self.process.stdin.flush()
        return self.read(timeout)

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()
        self.errors.close()


@dataclass
class Result:
    peer: Peer
    rates: list[float] = field(default_factory=list)  # images a second, one a round
    peak_rss_mb: float = 0.0
    failure: str = ""

    @property
    def median(self) -> float:
        return statistics.median(self.rates)


@dataclass
class Comparison:
    batch_size: int
    results: list[Result]
    gflop_per_image: float = 0.0
    multiply_add_peaks: list[float] = field(default_factory=list)  # GFLOP/s, one a round
    descriptions: dict[str, str] = field(default_factory=dict)     # by program

    def measured(self) -> Iterator[Result]:
        return (result for result in self.results if result.rates and not result.failure)

    def fastest_fp32_torch(self) -> Result | None:
        return max((r for r in self.measured() if r.peer.is_fp32_torch), key=lambda r: r.median, default=None)


def measure_peak(arguments: argparse.Namespace) -> dict:
    command = [str(arguments.build / "duel_measure"), "peaks", "--device", "cpu", "--threads", str(arguments.threads)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def start_workers(comparison: Comparison, arguments: argparse.Namespace) -> dict[str, Worker]:
    workers = {}
    for result in comparison.results:
        start = time.monotonic()
        print(f"  {result.peer.name}: ", end="", flush=True)
        try:
            worker = Worker(result.peer.command(arguments, comparison.batch_size), arguments.timeout)
        except Failure as failure:
            result.failure = str(failure)
            print(f"skipped: {failure}", flush=True)
            continue
        print(f"ready after {time.monotonic() - start:.1f} s", flush=True)
        workers[result.peer.name] = worker
        comparison.descriptions[result.peer.program] = worker.ready["description"]
        comparison.gflop_per_image = worker.ready.get("gflop_per_image", comparison.gflop_per_image)
    return workers


def compare(batch_size: int, arguments: argparse.Namespace) -> Comparison:
    comparison = Comparison(batch_size, [Result(peer) for peer in PEERS])
    print(f"Batch {batch_size}: warming up", flush=True)
    workers = start_workers(comparison, arguments)
    try:
        for number in range(1, arguments.rounds + 1):
            comparison.multiply_add_peaks.append(measure_peak(arguments)["multiply_add_gflops"])
            for result in comparison.results:
                if result.failure:
                    continue
                try:
                    measured = workers[result.peer.name].measure(arguments.seconds, arguments.timeout)
                except Failure as failure:
                    result.failure = str(failure)
                    continue
                result.rates.append(measured["images_per_second"])
                result.peak_rss_mb = measured["peak_rss_mb"]
            rates = ", ".join(f"{r.rates[-1]:.0f}" for r in comparison.measured())
            print(f"  round {number} of {arguments.rounds}: {rates} images/s", flush=True)
    finally:
        for worker in workers.values():
            worker.close()
    return comparison


def table(comparison: Comparison) -> str:
    """In Markdown. The share is of the highest peak that any round measured."""
    peak = max(comparison.multiply_add_peaks)
    duel = next((r for r in comparison.measured() if r.peer == PEERS[0]), None)
    lines = ["| | images/s | lowest – highest | Duel's first row, times this one | GFLOP/s | share of peak | peak memory, MB |",
             "|---|---:|---:|---:|---:|---:|---:|"]
    for result in comparison.results:
        if result.failure:
            lines.append(f"| {result.peer.name} | skipped: {result.failure.replace('|', '/')} | | | | | |")
            continue
        gflops = result.median * comparison.gflop_per_image
        ratio = f"{duel.median / result.median:.2f}×" if duel else ""
        lines.append(f"| {result.peer.name} | {result.median:.0f} | {min(result.rates):.0f} – {max(result.rates):.0f} "
                     f"| {ratio} | {gflops:.0f} | {gflops / peak:.0%} | {result.peak_rss_mb:.0f} |")
    best = comparison.fastest_fp32_torch()
    if duel and best:
        lines += ["", f"Duel trains **{duel.median / best.median:.2f} times** as fast as {FASTEST_FP32} "
                      f"({best.peer.name.removeprefix('… ')}) and takes {duel.peak_rss_mb / best.peak_rss_mb:.0%} of its "
                      "memory."]
    return "\n".join(lines)


def seconds_until(path: Path, process: subprocess.Popen, start: float) -> float:
    """From `start` until the file has more than one line."""
    while True:
        ended = process.poll() is not None
        if path.exists() and path.read_text().count("\n") > 1:
            return time.perf_counter() - start
        if ended:
            raise SystemExit(f"{process.args}: ended with status {process.returncode} before it wrote {path}")
        time.sleep(0.001)


def first_iteration_seconds(trace: Path) -> float:
    """How long the first iteration of a profiled run took: from D's step to the end of G's."""
    phases = sorted((event for event in json.loads(trace.read_text())["traceEvents"] if event["ph"] == "X"),
                    key=lambda event: event["ts"])
    begin = next(event["ts"] for event in phases if event["name"] == "D")
    end = next(event["ts"] + event["dur"] for event in phases if event["name"] == "G")
    return (end - begin) / 1e6


def start_times(arguments: argparse.Namespace, repetitions: int = 5) -> str:
    """How long the program takes until its first iteration begins and is done, and for 64 samples; in Markdown."""
    begun, done, samples = [], [], []
    threads = ["--threads", str(arguments.threads)]
    with tempfile.TemporaryDirectory() as folder:
        for number in range(repetitions):
            run = Path(folder) / f"run-{number}"
            start = time.perf_counter()
            with subprocess.Popen([arguments.dcgan, "train", "--device", "cpu", "--output", run, "--epochs", "1", "--profile", *threads],
                                  stdout=subprocess.DEVNULL) as process:
                done.append(seconds_until(run / "metrics.csv", process, start))
                process.terminate()
            begun.append(done[-1] - first_iteration_seconds(run / "trace.json"))
            start = time.perf_counter()
            subprocess.run([arguments.dcgan, "sample", "--device", "cpu", "--checkpoint", run, "--count", "64", "--output",
                            Path(folder) / f"samples-{number}.png", *threads], check=True, stdout=subprocess.DEVNULL)
            samples.append(time.perf_counter() - start)
    return "\n".join([
        "| median of five, process start included | s |", "|---|---:|",
        f"| `dcgan train` until its first iteration (batch 256, synthetic set) begins | {statistics.median(begun):.3f} |",
        f"| … is done | {statistics.median(done):.3f} |",
        f"| `dcgan sample`: 64 pictures from a checkpoint into a PNG | {statistics.median(samples):.3f} |"])


def first_match(path: str, key: str, separator: str) -> str:
    """The value behind a key in a file of keys and values; empty where there is none."""
    try:
        for line in Path(path).read_text().splitlines():
            name, _, value = line.partition(separator)
            if name.strip() == key:
                return value.strip().strip('"')
    except OSError:
        pass
    return ""


def describe_machine(arguments: argparse.Namespace, comparison: Comparison) -> str:
    flags = set(first_match("/proc/cpuinfo", "flags", ":").split())
    sets = [name for name in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if name in flags]
    memory = first_match("/proc/meminfo", "MemTotal", ":").split()
    peaks = measure_peak(arguments)
    revision = subprocess.run(["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
    processor = first_match("/proc/cpuinfo", "model name", ":") or platform.processor() or platform.machine()
    lines = [
        f"- Processor: {processor}, {os.cpu_count()} cores; {', '.join(sets) or platform.machine()}",
        f"- Memory: {int(memory[0]) / 2**20:.0f} GiB; copy {peaks['copy_gb_per_second']:.1f} GB/s" if memory else "",
        f"- System: {first_match('/etc/os-release', 'PRETTY_NAME', '=') or platform.platform()}; load average when it "
        f"began: {arguments.load:.2f}",
        f"- Duel: revision {revision.stdout.strip() or 'unknown'}, {peaks['compiler']}; "
        f"{comparison.descriptions.get('duel', 'did not run')}",
        f"- {comparison.descriptions.get('torch', 'PyTorch did not run')}; Python {platform.python_version()}",
        f"- Date: {datetime.date.today()}",
        f"- Command: `make bench-peers{arguments.peers_arguments}`",
    ]
    return "\n".join(line for line in lines if line)


EXPLANATION = """\
A training iteration of the recipe celeba32 on random pictures that lie in memory as bytes: D's step on real pictures
and fakes, G's step, both Adams, float32 unless the row says otherwise. Each row is a process of its own; they take
turns, {rounds} rounds of {seconds:g} s each. The images/s are the median of the rounds. GFLOP/s count the work that
is needed, {gflop:.3f} GFLOP an image, and none of what is thrown away; the peak is the fastest loop of fused
multiply-adds on registers in any round, {peak:.0f} GFLOP/s (all rounds: {peaks}). A share may exceed 100 %: minimal
filtering does 9/16 of the multiplications of the widest layers, and instructions for bf16 do more of them at once than
those for float32, of which the peak is."""


def report(comparisons: list[Comparison], start_table: str, arguments: argparse.Namespace) -> str:
    parts = ["# Duel and PyTorch on one machine",
             "Written by `make bench-peers`; do not edit. Other machines: [a Xeon with AMX](RESULTS-xeon-amx.md), "
             "[an EPYC with AVX2 only](RESULTS-epyc-avx2.md), [an NVIDIA H200](RESULTS-h200.md).",
             describe_machine(arguments, comparisons[0])]
    for comparison in comparisons:
        size = arguments.image_size
        parts += [f"## Training, {size}×{size}, batch {comparison.batch_size}",
                  EXPLANATION.format(rounds=arguments.rounds, seconds=arguments.seconds,
                                     gflop=comparison.gflop_per_image, peak=max(comparison.multiply_add_peaks),
                                     peaks=", ".join(f"{peak:.0f}" for peak in comparison.multiply_add_peaks)),
                  table(comparison)]
    return "\n\n".join([*parts, "## Start", start_table]) + "\n"


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch-size", type=int, nargs="+", default=[256], help="one table each; default: 256")
    parser.add_argument("--image-size", type=int, default=32, help="default: %(default)s")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="default: one for each core")
    parser.add_argument("--rounds", type=int, default=5, help="default: %(default)s")
    parser.add_argument("--seconds", type=float, default=3, help="of a peer's turn; default: %(default)s")
    parser.add_argument("--timeout", type=float, default=120,
                        help="seconds after which a peer that does not answer is left out; default: %(default)s")
    parser.add_argument("--build", type=Path, default=ROOT / "build" / "release", help="the folder of duel_measure")
    parser.add_argument("--dcgan", type=Path, default=ROOT / "apps" / "dcgan", help="the program")
    parser.add_argument("--output", type=Path, default=ROOT / "benchmarks" / "RESULTS.md", help="default: %(default)s")
    arguments = parser.parse_args()
    for program in (arguments.build / "duel_measure", arguments.dcgan):
        if not program.exists():
            parser.error(f"{program} is missing: make bench-peers builds it")
    arguments.load = os.getloadavg()[0]
    arguments.peers_arguments = f" PEERS_ARGS='{' '.join(sys.argv[1:])}'" if len(sys.argv) > 1 else ""
    return arguments


def main() -> None:
    arguments = parse_arguments()
    comparisons = [compare(batch_size, arguments) for batch_size in arguments.batch_size]
    text = report(comparisons, start_times(arguments), arguments)
    arguments.output.write_text(text)
    print(f"\n{text}\nWritten to {arguments.output}")


if __name__ == "__main__":
    main()

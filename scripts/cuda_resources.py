#!/usr/bin/env python3
"""What every CUDA kernel takes of a multiprocessor, as cuobjdump reads it off the built library: registers a thread,
static shared memory a block, and the stack in local memory, which spilled registers need. Prints a table in Markdown,
one line a kernel with the range over its instances and architectures. Exits with 1 if an instance has a stack that is
not on the list below, or, on a card whose kernels overlap (cuda/kernel_order.cuh), does something with memory before it
has waited for the kernels before it, or reads it past the caches that know what those wrote."""

import argparse
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

# Parts of the names of those that call a slow path, which nvcc does by way of the stack: the division of float32 where
# an operand is denormal, that of float64, and the float64 sine of arguments larger than any that occurs.
SLOW_PATHS = ("GradOf<duel::Log>", "duel::Bce>", "<double", "duel::Normal>")

# Those that read a table of the mathematical library, which never changes, past those caches.
TABLES = ("duel::Normal>",)

ARCHITECTURE = re.compile(r"^arch = (sm_\d+\w*)", re.MULTILINE)
FUNCTION = re.compile(r"Function (\S+):\s*\n\s*REG:(\d+) STACK:(\d+) SHARED:(\d+) LOCAL:(\d+)")

INSTRUCTION = re.compile(r"^\s+/\*[0-9a-f]{4,}\*/\s+(?:@!?U?P\w+\s+)?([A-Z][\w.]*)", re.MULTILINE)
WAIT = "ACQBULK"
# Accesses to memory that is not a block's or a thread's own, and branches, which could lead past the wait.
NOT_BEFORE_WAIT = re.compile(r"(LDG?|STG?|RED\w*|ATOMG?|LDGSTS|UBLK\w*|UTMA\w*|BRA|BRX|JMP|JMX|CALL|RET|EXIT)\b")


@dataclass
class Usage:
    """All instances of one kernel."""

    instances: set[str] = field(default_factory=set)
    registers: list[int] = field(default_factory=list)
    shared: list[int] = field(default_factory=list)
    stack: list[int] = field(default_factory=list)
    spills: bool = False


def overlapping(architecture: str) -> bool:
    """Whether kernels of `sm_90a`, say, may begin before those before them have ended."""
    return int(re.match(r"sm_(\d+)", architecture)[1]) >= 90


def run(*command: str, given: str | None = None) -> str:
    try:
        done = subprocess.run(command, input=given, capture_output=True, text=True)
    except FileNotFoundError:
        raise SystemExit(f"cuda_resources: {command[0]} is missing; cuobjdump comes with the CUDA toolkit") from None
    if done.returncode:
        raise SystemExit(f"cuda_resources: {' '.join(command)}: {done.stderr.strip()}")
    return done.stdout


def kernel_name(demangled: str) -> str:
    """`void duel::cuda::(anonymous namespace)::map_kernel<float, ...>(long, ...)` to `map_kernel`."""
    plain = demangled.replace("(anonymous namespace)", "")
    return re.split(r"[<(]", plain, maxsplit=1)[0].split("::")[-1].split(" ")[-1]


def read(library: Path, cuobjdump: str) -> tuple[dict[str, Usage], list[str]]:
    usages: dict[str, Usage] = defaultdict(Usage)
    architectures = []
    text = run(cuobjdump, "--dump-resource-usage", str(library))
    parts = re.split(ARCHITECTURE, text)
    for architecture, part in zip(parts[1::2], parts[2::2]):
        functions = FUNCTION.findall(part)
        if functions and architecture not in architectures:
            architectures.append(architecture)
        names = run("c++filt", given="\n".join(f[0] for f in functions)).splitlines()
        for (mangled, registers, stack, shared, local), name in zip(functions, names, strict=True):
            usage = usages[kernel_name(name)]
            usage.instances.add(mangled)
            usage.registers.append(int(registers))
            usage.shared.append(int(shared))
            usage.stack.append(int(stack) + int(local))
            usage.spills |= usage.stack[-1] > 0 and not any(part in name for part in SLOW_PATHS)
    return usages, architectures


def disorder(library: Path, architecture: str, cuobjdump: str) -> list[str]:
    """What instances of kernels do before the wait or past the caches, a line each."""
    found = []
    text = run(cuobjdump, "--dump-sass", "--gpu-architecture", architecture, str(library))
    parts = re.split(r"Function : (\S+)", text)
    names = run("c++filt", given="\n".join(parts[1::2])).splitlines()
    for name, part in zip(names, parts[2::2], strict=True):
        instructions = INSTRUCTION.findall(part)
        if WAIT not in instructions:
            found.append(f"{architecture}, no wait: {name}")
            continue
        early = [i for i in instructions[:instructions.index(WAIT)] if NOT_BEFORE_WAIT.match(i)]
        stale = [i for i in instructions if ".CONSTANT" in i and not any(part in name for part in TABLES)]
        found += [f"{architecture}, {i} before the wait: {name}" for i in early[:1]]
        found += [f"{architecture}, {i} of what may have changed: {name}" for i in stale[:1]]
    return found


def span(values: list[int]) -> str:
    low, high = min(values), max(values)
    return str(low) if low == high else f"{low} – {high}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("library", type=Path, nargs="?", default=Path("build/release/libduel_cuda.so"),
                        help="default: %(default)s")
    parser.add_argument("--cuobjdump", default=shutil.which("cuobjdump") or "/usr/local/cuda/bin/cuobjdump",
                        help="default: %(default)s")
    arguments = parser.parse_args()
    library = arguments.library
    if not library.exists():
        raise SystemExit(f"cuda_resources: {library} is missing; make CUDA=1 builds it")
    usages, architectures = read(library, arguments.cuobjdump)
    if not usages:
        raise SystemExit(f"cuda_resources: {library} holds no kernels")
    print(f"{', '.join(architectures)}; {sum(len(u.instances) for u in usages.values())} instances of "
          f"{len(usages)} kernels\n")
    print("| kernel | instances | registers a thread | shared memory a block, bytes | stack a thread, bytes |\n"
          "|---|---:|---:|---:|---:|")
    for name, usage in sorted(usages.items()):
        print(f"| `{name}` | {len(usage.instances)} | {span(usage.registers)} | {span(usage.shared)} "
              f"| {span(usage.stack)} |")
    spilling = sorted(name for name, usage in usages.items() if usage.spills)
    if spilling:
        print(f"cuda_resources: registers spilled or arrays in local memory: {', '.join(spilling)}", file=sys.stderr)
    checked = [architecture for architecture in architectures if overlapping(architecture)]
    overlap = ', '.join(checked) or 'no architecture: none has kernels that overlap'
    print(f"\nThe order of memory was checked for {overlap}")
    disordered = [line for architecture in checked for line in disorder(library, architecture, arguments.cuobjdump)]
    for line in disordered:
        print(f"cuda_resources: {line}", file=sys.stderr)
    return 1 if spilling or disordered else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Computes every op of ops/check/op_cases.json, and the optimisers, with PyTorch in float64.

Writes ops.safetensors and optim.safetensors beside this script; README.md says what is in them.
"""

import json
import math
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor

HERE = Path(__file__).resolve().parent
CASES = HERE.parents[1] / "ops" / "check" / "op_cases.json"

Case = dict[str, Any]
Tensors = dict[str, Tensor]


def to_nchw(x: Tensor) -> Tensor:
    return x.permute(0, 3, 1, 2)


def to_nhwc(x: Tensor) -> Tensor:
    return x.permute(0, 2, 3, 1)


def conv2d(t: Tensors, case: Case) -> Tensor:
    # (OC, KH, KW, IC) becomes (OC, IC, KH, KW) by the same permutation as the pictures.
    y = F.conv2d(to_nchw(t["x"]), to_nchw(t["weight"]), t.get("bias"), case["stride"], case["padding"])
    return to_nhwc(y)


def conv_transpose2d(t: Tensors, case: Case) -> Tensor:
    # (IC, KH, KW, OC) becomes (IC, OC, KH, KW).
    y = F.conv_transpose2d(
        to_nchw(t["x"]),
        to_nchw(t["weight"]),
        t.get("bias"),
        case["stride"],
        case["padding"],
        case["output_padding"],
    )
    return to_nhwc(y)


def batch_norm(t: Tensors, case: Case) -> Tensor:
    x = to_nchw(t["x"]) if t["x"].dim() == 4 else t["x"]
    if case["training"]:
        t["new_running_mean"], t["new_running_var"] = torch.zeros_like(t["bias"]), torch.ones_like(t["bias"])
        statistics = t["new_running_mean"], t["new_running_var"]
    else:
        statistics = t["running_mean"], t["running_var"]
    options = case["training"], case["momentum"], case["eps"]
    y = torch.cat([F.batch_norm(part, *statistics, t["weight"], t["bias"], *options) for part in x.chunk(case["batches"])])
    return to_nhwc(y) if y.dim() == 4 else y


def bce(t: Tensors, case: Case) -> Tensor:
    x, target = t["x"], t["target"]
    if target.max() > 1.0:  # noisy labels, which F.binary_cross_entropy refuses
        return -(target * x.log() + (1.0 - target) * (1.0 - x).log()).mean()
    return F.binary_cross_entropy(x, target)


OPS: dict[str, Callable[[Tensors, Case], Tensor]] = {
    "matmul": lambda t, case: t["a"] @ t["b"],
    "linear": lambda t, case: F.linear(t["x"], t["weight"], t.get("bias")),
    "linear_channels_last": lambda t, case: F.linear(to_nchw(t["x"]).flatten(1), t["weight"], t.get("bias")),
    "conv2d": conv2d,
    "conv_transpose2d": conv_transpose2d,
    "batch_norm": batch_norm,
    "relu": lambda t, case: F.relu(t["x"]),
    "leaky_relu": lambda t, case: F.leaky_relu(t["x"], case["negative_slope"]),
    "sigmoid": lambda t, case: torch.sigmoid(t["x"]),
    "tanh": lambda t, case: torch.tanh(t["x"]),
    "abs": lambda t, case: t["x"].abs(),
    "log": lambda t, case: torch.log(t["x"]),
    "neg": lambda t, case: -t["x"],
    "scale": lambda t, case: t["x"] * case["factor"],
    "add": lambda t, case: t["a"] + t["b"],
    "sub": lambda t, case: t["a"] - t["b"],
    "mul": lambda t, case: t["a"] * t["b"],
    "sum": lambda t, case: t["x"].sum(),
    "mean": lambda t, case: t["x"].mean(),
    "reshape": lambda t, case: t["x"].reshape(case["shape"]),
    "permute": lambda t, case: t["x"].permute(case["dims"]),
    "slice": lambda t, case: t["x"].narrow(case["dim"], case["start"], case["length"]),
    "concatenate": lambda t, case: torch.cat([t[name] for name in case["inputs"]], case["dim"]),
    "dropout": lambda t, case: F.dropout(t["x"], case["p"], case["training"]),
    "bce_with_logits": lambda t, case: F.binary_cross_entropy_with_logits(t["x"], t["target"]),
    "bce": bce,
}


def rng_for(name: str) -> np.random.Generator:
    """One stream for each name, so that adding a case leaves the others as they are."""
    return np.random.default_rng(zlib.crc32(name.encode()))


def as_tensor(values: np.ndarray) -> Tensor:
    """Rounded to float32 and held as float64: either precision then starts from the same numbers."""
    return torch.from_numpy(np.asarray(values, dtype=np.float32).astype(np.float64))


def draw(spec: Any, case: Case, rng: np.random.Generator) -> Tensor:
    if isinstance(spec, dict):
        return as_tensor(np.reshape(spec["values"], spec["shape"]))
    if "range" in case:
        return as_tensor(rng.uniform(*case["range"], spec))
    values = rng.standard_normal(spec)
    if case.get("avoid_zero", False):
        values += np.copysign(0.05, values)
    return as_tensor(values)


def run_case(op: str, case: Case) -> Tensors:
    """Inputs, constants, y, its weighting dy, and d_NAME of sum(y * dy) for every input NAME."""
    rng = rng_for(f"{op}/{case['name']}")
    tensors = {name: draw(spec, case, rng) for name, spec in case["inputs"].items()}
    inputs = {name: tensor.requires_grad_() for name, tensor in tensors.items()}
    for name, spec in case.get("constants", {}).items():
        tensors[name] = draw(spec, case, rng)
    y = OPS[op](tensors, case)
    dy = as_tensor(rng.standard_normal(y.shape))
    gradients = torch.autograd.grad(y, list(inputs.values()), dy)
    return tensors | {"y": y, "dy": dy} | {f"d_{name}": g for name, g in zip(inputs, gradients, strict=True)}


def write(path: Path, tensors: Tensors, **notes: Any) -> None:
    # One metadata key alone: safetensors writes several in a random order.
    notes = {"made_by": f"{Path(__file__).name}, PyTorch {torch.__version__}"} | notes
    tensors = {name: t.detach().contiguous().clone() for name, t in tensors.items()}
    save_file(tensors, path, {"reference": json.dumps(notes)})
    print(f"{path.name}: {len(tensors)} tensors, {path.stat().st_size / 1e6:.2f} MB")


def op_reference() -> Tensors:
    result = {}
    for op, cases in json.loads(CASES.read_text()).items():
        for case in cases:
            if case.get("parity", True):
                result |= {f"{op}/{case['name']}/{name}": t for name, t in run_case(op, case).items()}
    return result


# "clip_value" limits every component of the gradient before the step, "decay" divides the learning rate by
# 1 + decay * (steps done): Keras has both as options of its optimisers, PyTorch leaves them to the caller.
OPTIMIZERS: dict[str, Case] = {
    "adam": {"type": "Adam", "lr": 0.05, "betas": [0.5, 0.999], "eps": 1e-8, "weight_decay": 0.0},
    "adam_weight_decay": {
        "type": "Adam",
        "lr": 0.05,
        "betas": [0.5, 0.999],
        "eps": 1e-8,
        "weight_decay": 0.01,
    },
    "adam_large_eps": {"type": "Adam", "lr": 0.05, "betas": [0.9, 0.99], "eps": 0.1, "weight_decay": 0.0},
    "rmsprop": {"type": "RMSprop", "lr": 0.05, "alpha": 0.99, "eps": 1e-8},
    "rmsprop_alpha_0.9": {"type": "RMSprop", "lr": 0.05, "alpha": 0.9, "eps": 1e-7},
    "rmsprop_clip_and_decay": {
        "type": "RMSprop",
        "lr": 0.05,
        "alpha": 0.9,
        "eps": 1e-7,
        "clip_value": 1.0,
        "decay": 0.1,
    },
    "rmsprop_momentum": {
        "type": "RMSprop",
        "lr": 0.05,
        "alpha": 0.9,
        "eps": 1e-7,
        "momentum": 0.5,
        "weight_decay": 0.01,
    },
    "sgd": {"type": "SGD", "lr": 0.05, "momentum": 0.0},
    "sgd_momentum": {"type": "SGD", "lr": 0.05, "momentum": 0.9},
    "sgd_weight_decay": {"type": "SGD", "lr": 0.05, "momentum": 0.9, "weight_decay": 0.01},
}
OPTIMIZER_STEPS = 8


def run_optimizer(case: Case) -> Tensors:
    """Two parameters through a given sequence of gradients; all parameters start anew in every case."""
    rng = rng_for("optim")
    shapes = {"p0": (3, 4), "p1": (5,)}
    parameters = {name: as_tensor(rng.standard_normal(shape)) for name, shape in shapes.items()}
    gradients = {
        name: as_tensor(rng.standard_normal((OPTIMIZER_STEPS, *shape)) * 2) for name, shape in shapes.items()
    }
    # A gradient that stays 0, one that begins late and a tiny one: where the second moment is 0 or near eps.
    gradients["p1"][:, 0] = 0.0
    gradients["p1"][:5, 1] = 0.0
    gradients["p1"][:, 2] *= 2.0**-30
    result = {f"{name}/start": p.clone() for name, p in parameters.items()}
    result |= {f"{name}/gradients": g for name, g in gradients.items()}

    options = {key: value for key, value in case.items() if key not in ("type", "clip_value", "decay")}
    optimizer = getattr(torch.optim, case["type"])(parameters.values(), **options)
    history: dict[str, list[Tensor]] = {name: [] for name in parameters}
    for step in range(OPTIMIZER_STEPS):
        limit = case.get("clip_value", math.inf)
        for name, p in parameters.items():
            p.grad = gradients[name][step].clamp(-limit, limit)
        optimizer.param_groups[0]["lr"] = case["lr"] / (1.0 + case.get("decay", 0.0) * step)
        optimizer.step()
        for name, p in parameters.items():
            history[name].append(p.clone())
    for name, p in parameters.items():
        result[f"{name}/after_each_step"] = torch.stack(history[name])
        for key, value in optimizer.state[p].items():
            if key != "step" and value is not None:
                result[f"{name}/{key}"] = value
    return result


def optimizer_reference() -> Tensors:
    return {f"{name}/{key}": t for name, case in OPTIMIZERS.items() for key, t in run_optimizer(case).items()}


def main() -> None:
    torch.set_num_threads(1)
    write(HERE / "ops.safetensors", op_reference())
    write(HERE / "optim.safetensors", optimizer_reference(), cases=OPTIMIZERS)


if __name__ == "__main__":
    main()

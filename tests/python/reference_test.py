#!/usr/bin/env python3
"""The stored results of PyTorch are those of today's op_cases.json and of the PyTorch that is installed.

Exits with 77, which ctest counts as skipped, where PyTorch or safetensors is not installed.
"""

import sys
import unittest
from pathlib import Path

REFERENCE = Path(__file__).resolve().parents[1] / "reference"
sys.path.insert(0, str(REFERENCE))

try:
    import make_op_reference
    import torch
    from safetensors.torch import load_file
except ImportError as error:
    print(f"skipped: {error} (pip install -r scripts/requirements.txt)")
    sys.exit(77)


class ReferenceTest(unittest.TestCase):
    def check(self, file: str, computed: dict[str, torch.Tensor]) -> None:
        stored = load_file(REFERENCE / file)
        self.assertEqual(stored.keys(), computed.keys(), "run make_op_reference.py")
        for name, tensor in computed.items():
            torch.testing.assert_close(
                stored[name],
                tensor.detach(),
                rtol=1e-10,
                atol=1e-10,
                msg=lambda text, name=name: f"{name}: {text}",
            )

    def test_ops(self) -> None:
        self.check("ops.safetensors", make_op_reference.op_reference())

    def test_optimizers(self) -> None:
        self.check("optim.safetensors", make_op_reference.optimizer_reference())


if __name__ == "__main__":
    unittest.main()

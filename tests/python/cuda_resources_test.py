#!/usr/bin/env python3
"""scripts/cuda_resources.py finds what it looks for, in what cuobjdump prints of a small library.

    python3 tests/python/cuda_resources_test.py
"""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "cuda_resources.py"

WAITS = ["LDC R1, c[0x0][0x28]", "ACQBULK", "LDG.E R2, desc[UR4][R2.64]", "@!P0 STG.E desc[UR4][R4.64], R2", "EXIT"]


class CudaResources(unittest.TestCase):
    def check(self, architecture: str, instructions: list[str], stack: int = 0) -> subprocess.CompletedProcess:
        """Runs the script on a library of one kernel."""
        usage = (f"arch = {architecture}\n Function _Z6kernelv:\n"
                 f"  REG:12 STACK:{stack} SHARED:0 LOCAL:0 CONSTANT[0]:528\n")
        lines = "".join(f"        /*{16 * i:04x}*/  {line} ;  /* 0x0 */\n" for i, line in enumerate(instructions))
        sass = f"\t\tFunction : _Z6kernelv\n\t.headerflags @\"\"\n{lines}"
        with tempfile.TemporaryDirectory() as folder:
            library, cuobjdump = Path(folder) / "library.so", Path(folder) / "cuobjdump"
            library.touch()
            cuobjdump.write_text(f"#!/bin/sh\ncase $1 in\n--dump-resource-usage) cat <<'END'\n{usage}END\n;;\n"
                                 f"*) cat <<'END'\n{sass}END\n;;\nesac\n")
            os.chmod(cuobjdump, 0o755)
            return subprocess.run([sys.executable, SCRIPT, "--cuobjdump", cuobjdump, library], capture_output=True,
                                  text=True)

    def expect_fault(self, done: subprocess.CompletedProcess, message: str) -> None:
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn(message, done.stderr)

    def test_what_is_in_order_passes(self) -> None:
        for architecture in ("sm_90", "sm_90a", "sm_103f", "sm_120"):
            with self.subTest(architecture):
                done = self.check(architecture, WAITS)
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                self.assertIn("| `kernel` | 1 | 12 | 0 | 0 |", done.stdout)
                self.assertIn(f"The order of memory was checked for {architecture}", done.stdout)

    def test_spilled_registers_fail(self) -> None:
        self.expect_fault(self.check("sm_80", WAITS, stack=16), "local memory: kernel")

    def test_memory_before_the_wait_fails(self) -> None:
        for early in ("LDG.E R2, desc[UR4][R2.64]", "@P1 STG.E desc[UR4][R4.64], R2", "ATOMG.E.ADD R2, R3",
                      "LDGSTS.E.128 [R3], desc[UR4][R4.64]", "BRA 0x100"):
            with self.subTest(early):
                done = self.check("sm_90a", [early, *WAITS])
                self.expect_fault(done, f"sm_90a, {early.removeprefix('@P1 ').split()[0]} before the wait: kernel")

    def test_a_kernel_that_does_not_wait_fails(self) -> None:
        self.expect_fault(self.check("sm_90a", [line for line in WAITS if line != "ACQBULK"]), "sm_90a, no wait: kernel")

    def test_reading_what_may_have_changed_as_a_constant_fails(self) -> None:
        done = self.check("sm_90a", [*WAITS[:2], "LDG.E.CONSTANT R2, desc[UR4][R2.64]", *WAITS[2:]])
        self.expect_fault(done, "LDG.E.CONSTANT of what may have changed: kernel")

    def test_kernels_that_do_not_overlap_need_not_wait(self) -> None:
        done = self.check("sm_89", WAITS[2:])
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("checked for no architecture", done.stdout)


if __name__ == "__main__":
    if not shutil.which("c++filt"):
        print("skipped: c++filt, of binutils, is missing")
        sys.exit(77)
    unittest.main(verbosity=2)

#!/usr/bin/env python3
"""The published package tensorboard reads what `dcgan train --tensorboard` writes, also of a resumed run.

    python3 tests/python/tensorboard_test.py --dcgan ./apps/dcgan

Exits with 77, which ctest counts as skipped, where the package is not installed.
"""

import argparse
import csv
import struct
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

try:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader
    from tensorboard.compat.proto.event_pb2 import Event
except ImportError as error:
    print(f"skipped: {error} (pip install tensorboard)")
    sys.exit(77)

DCGAN: Path
TINY = ["--g-dim", "4", "--d-dim", "4", "--z-dim", "8", "--batch-size", "8", "--synthetic-count", "64", "--log-every", "2"]
EVERYTHING = {"scalars": 0, "images": 0, "histograms": 0, "compressedHistograms": 0, "tensors": 0}
COLUMNS = {"loss/D": "d_loss", "loss/G": "g_loss", "probability/D(x)": "d_real", "probability/D(G(z))": "d_fake",
           "speed/images_per_second": "images_per_second"}


def train(*words: object) -> None:
    done = subprocess.run(
        [DCGAN, "train", *map(str, words), "--threads", "1", "--tensorboard", "--evaluate-every", "1", "--evaluate-count", "12"],
        capture_output=True, text=True, timeout=200,
    )
    if done.returncode != 0:
        raise AssertionError(f"{words}\nexited with {done.returncode}\n{done.stdout}{done.stderr}")


def rows(path: Path) -> list[dict[str, str]]:
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


class TensorBoardTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        folder = tempfile.TemporaryDirectory(prefix="duel-tensorboard-")
        cls.addClassCleanup(folder.cleanup)
        cls.whole = Path(folder.name) / "whole"
        train(*TINY, "--epochs", 4, "--output", cls.whole)
        # Killed after its third epoch, resumed from the checkpoint of its second.
        cls.parts = Path(folder.name) / "parts"
        train(*TINY, "--epochs", 3, "--output", cls.parts)
        checkpoints = cls.parts / "checkpoints"
        (checkpoints / "epoch-0002.safetensors").replace(checkpoints / "latest.safetensors")
        events = next((cls.parts / "tensorboard").iterdir())
        events.write_bytes(events.read_bytes()[:-5])  # in the middle of a record
        train("--resume", cls.parts, "--epochs", 4)

    def load(self, run: Path) -> EventAccumulator:
        return EventAccumulator(str(run / "tensorboard"), size_guidance=EVERYTHING).Reload()

    def test_scalars_are_those_of_the_tables(self) -> None:
        for run in (self.whole, self.parts):
            board, lines = self.load(run), rows(run / "metrics.csv")
            for tag, column in COLUMNS.items():
                told = board.Scalars(tag)
                self.assertEqual([event.step for event in told], [int(line["step"]) for line in lines], tag)
                for event, line in zip(told, lines, strict=True):
                    self.assertAlmostEqual(event.value, float(line[column]), delta=1e-4 * abs(event.value), msg=tag)
            for line in rows(run / "norms.csv"):
                for kind in ("weight", "gradient"):
                    told = {event.step: event.value for event in board.Scalars(f"{kind}_norm/{line['layer']}")}
                    value = told[int(line["step"])]
                    self.assertAlmostEqual(value, float(line[kind]), delta=1e-4 * abs(value))
            for group in ("quality", "vitals"):
                for line in rows(run / f"{group}.csv"):
                    for column in line.keys() - {"epoch", "step"}:
                        told = {event.step: event.value for event in board.Scalars(f"{group}/{column}")}
                        value = told[int(line["step"])]
                        self.assertAlmostEqual(value, float(line[column]), delta=1e-4 * abs(value), msg=column)

    def test_pictures_are_the_grids(self) -> None:
        for run in (self.whole, self.parts):
            board = self.load(run)
            self.assertEqual([event.step for event in board.Images("samples")], [8, 16, 24, 32])
            for epoch, event in enumerate(board.Images("samples"), 1):
                file = (run / "samples" / f"epoch-{epoch:04}.png").read_bytes()
                self.assertEqual(event.encoded_image_string, file)
                self.assertEqual((event.width, event.height), struct.unpack(">II", file[16:24]))
            self.assertEqual(board.Images("data")[0].encoded_image_string, (run / "reals.png").read_bytes())

    def test_histograms_hold_all_weights(self) -> None:
        board = self.load(self.parts)
        sizes = {"weight/G.fc.weight": 8 * 128, "gradient/G.fc.weight": 8 * 128, "weight/D.fc.bias": 1}
        for tag, size in sizes.items():
            told = board.Histograms(tag)
            self.assertEqual([event.step for event in told], [8, 16, 24, 32], tag)
            for event in told:
                h = event.histogram_value
                self.assertEqual(h.num, size)
                self.assertEqual(sum(h.bucket), size)
                self.assertEqual(h.bucket_limit, sorted(h.bucket_limit))
                self.assertAlmostEqual(h.bucket_limit[-1], h.max)
                self.assertLessEqual(h.min, h.sum / h.num)
                self.assertLessEqual(h.sum / h.num, h.max)
                self.assertGreaterEqual(h.sum_squares * h.num, h.sum**2 * (1 - 1e-6))
        of_layer = board.Scalars("weight_norm/G.fc")[-1]
        parts = [board.Histograms(f"weight/G.fc.{part}")[-1].histogram_value.sum_squares for part in ("weight", "bias")]
        self.assertAlmostEqual(sum(parts) ** 0.5, of_layer.value, places=4)

    def test_every_checksum_is_right(self) -> None:
        files = sorted((self.whole / "tensorboard").iterdir())
        self.assertEqual(len(files), 1)
        first = Event.FromString(next(iter(RawEventFileLoader(str(files[0])).Load())))
        self.assertEqual(first.file_version, "brain.Event:2")
        # One flipped bit, in a file that is otherwise the same, ends the reading.
        whole = sum(1 for _ in RawEventFileLoader(str(files[0])).Load())
        text = bytearray(files[0].read_bytes())
        text[len(text) // 2] ^= 1
        with tempfile.TemporaryDirectory() as folder:
            damaged = Path(folder) / files[0].name
            damaged.write_bytes(text)
            self.assertLess(sum(1 for _ in RawEventFileLoader(str(damaged)).Load()), whole)
        self.assertGreater(whole, 100)


def main() -> None:
    global DCGAN
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dcgan", type=Path, required=True)
    arguments, rest = parser.parse_known_args()
    DCGAN = arguments.dcgan.resolve()
    unittest.main(argv=[sys.argv[0], *rest])


if __name__ == "__main__":
    main()

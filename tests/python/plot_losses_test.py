#!/usr/bin/env python3
"""What scripts/plot_losses.py makes of tables of losses.

    python3 tests/python/plot_losses_test.py

Exits with 77, which ctest counts as skipped, where matplotlib is not installed.
"""

import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))
try:
    import numpy as np
    import plot_losses
except ImportError as error:
    print(f"skipped: {error} (pip install matplotlib)")
    sys.exit(77)


class PlotLossesTest(unittest.TestCase):
    def read(self, text: str) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "losses.csv"
            path.write_text(text)
            return plot_losses.read(path)

    def test_rows_stand_where_their_batch_is(self) -> None:
        # As a run writes them: the first batch, each second one after it, and the last; the second epoch is cut short.
        rows = ["1,1", "1,3", "1,5", "1,6", "2,1", "2,3"]
        epochs, losses = self.read("epoch,batch,d_loss,g_loss\n" + "".join(f"{row},0.5,2\n" for row in rows))
        np.testing.assert_allclose(epochs, np.array([1, 3, 5, 6, 7, 9]) / 6)
        np.testing.assert_array_equal(losses["g_loss"], 2)

    def test_rows_without_a_batch_are_evenly_spread(self) -> None:
        epochs, _ = self.read("epoch,d_loss,g_loss\n" + "1,1,1\n" * 4 + "2,1,1\n" * 2)
        np.testing.assert_allclose(epochs, [0.25, 0.5, 0.75, 1, 1.5, 2])

    def test_means_are_those_of_their_windows(self) -> None:
        epochs = np.arange(1, 41) / 10
        values = np.ones(40)
        values[[5, 9]] = 1e20, np.nan
        means = plot_losses.smooth(epochs, values, 0.25)
        np.testing.assert_array_equal(np.isnan(means), np.arange(40) == 9)
        np.testing.assert_allclose(means[[0, 3, 7, 8, 10, 39]], 1)
        np.testing.assert_allclose(means[4:7], 1e20 / 3)


if __name__ == "__main__":
    unittest.main()

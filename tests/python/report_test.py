#!/usr/bin/env python3
"""What a browser makes of report.html: it loads from disk alone, without a complaint, and can be used.

    python3 tests/python/report_test.py --dcgan ./apps/dcgan [--screenshots FOLDER]

Exits with 77, which ctest counts as skipped, where there is no Chromium.
"""

import argparse
import json
import math
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import chromium

DCGAN: Path
SCREENSHOTS: Path | None = None
TINY = ["--g-dim", "4", "--d-dim", "4", "--z-dim", "8", "--batch-size", "8", "--synthetic-count", "64", "--log-every", "1"]
EPOCHS = 4


def dcgan(*words: object) -> None:
    done = subprocess.run([DCGAN, *map(str, words)], capture_output=True, text=True, timeout=200)
    if done.returncode != 0:
        raise AssertionError(f"{words}\nexited with {done.returncode}\n{done.stdout}{done.stderr}")


def train(folder: Path, *more: str) -> None:
    dcgan("train", *TINY, "--threads", 1, "--output", folder, *more)


METRICS = "epoch,batch,step,d_loss,g_loss,d_real,d_fake,images_per_second\n"


class ReportTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.folder = tempfile.TemporaryDirectory(prefix="duel-report-")
        cls.trained = Path(cls.folder.name) / "a run"
        # In two parts, so that the curves are those of a resumed run.
        train(cls.trained, "--epochs", "2", "--evaluate-every", "1", "--evaluate-count", "12")
        more = ["--epochs", EPOCHS, "--evaluate-every", 1, "--evaluate-count", 12]
        dcgan("train", "--resume", cls.trained, *more, "--threads", 1)
        (cls.trained / "diagnosis.csv").write_text(
            'epoch,step,cause,text\n2,16,D has won,"D has won: <b>markup</b>, and a comma"\n'
        )
        dcgan("report", cls.trained)
        cls.page = chromium.Page(chromium.find())
        cls.addClassCleanup(cls.folder.cleanup)
        cls.addClassCleanup(cls.page.close)

    def setUp(self) -> None:
        self.page.complaints.clear()
        self.page.requests.clear()
        self.page.show_as(1200, 900)

    def tearDown(self) -> None:
        self.assertEqual(self.page.complaints, [])
        outside = [url for url in self.page.requests if not url.startswith(("file:", "data:"))]
        self.assertEqual(outside, [], "the page asks the network")

    def open(self, path: Path | None = None) -> None:
        self.page.open(path or self.trained / "report.html")

    def picture(self, number: int = 0) -> str:
        return self.page.run(f"document.getElementById('frame-{number}').src")

    def text(self, element: str) -> str:
        return self.page.run(f"document.getElementById('{element}').textContent")

    def numbers(self) -> dict[str, list[str]]:
        """The table of numbers: the fields under each name."""
        rows = self.page.run("[...document.querySelectorAll('#last tr')].map((row) => [...row.cells].map((c) => c.textContent))")
        return {name: fields for name, *fields in rows}

    def written(self, name: str, files: dict[str, str], config: str = "{}") -> Path:
        """The page of a run that is written by hand."""
        folder = Path(self.folder.name) / name
        folder.mkdir()
        for file, text in {"config.json": config, **files}.items():
            (folder / file).write_text(text)
        dcgan("report", folder)
        return folder / "report.html"

    def keep(self, name: str) -> None:
        if SCREENSHOTS:
            self.page.screenshot(SCREENSHOTS / f"{name}.png")

    def painted(self, chart: int = 0) -> int:
        """Pixels of a chart that are neither transparent nor a shade of grey: its curves."""
        return self.page.run(
            f"""(() => {{
              const canvas = document.querySelectorAll('.chart')[{chart}].querySelector('canvas');
              const {{ data }} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
              let count = 0;
              for (let i = 0; i < data.length; i += 4)
                count += data[i + 3] > 0 && Math.max(data[i], data[i + 1], data[i + 2])
                         - Math.min(data[i], data[i + 1], data[i + 2]) > 40;
              return count;
            }})()"""
        )

    def test_shows_all_of_a_run(self) -> None:
        self.open()
        self.assertEqual(self.page.run("document.title"), "a run – Duel report")
        self.assertTrue(self.text("status").startswith(f"finished after {EPOCHS} epochs, "), self.text("status"))
        self.assertIn("CPU, 1 thread, ", self.text("status"))
        titles = self.page.run("[...document.querySelectorAll('.panel h3')].map((title) => title.textContent)")
        for title in ("Losses", "Probabilities", "Gradient norms of G's layers", "Weight norms of D's layers", "Speed",
                      "Quality: swd", "Quality: coverage"):
            self.assertIn(title, titles)
        self.assertEqual(len([title for title in titles if title.startswith("Quality")]), 9)
        for chart in range(len(titles)):
            self.assertGreater(self.painted(chart), 50, titles[chart])
        widths = "[...document.querySelectorAll('.chart')].map((chart) => chart.querySelector('canvas').offsetWidth - chart.clientWidth)"
        self.assertEqual(self.page.run(widths), [0] * len(titles), "charts that are not as wide as their place")
        # A resumed run is one curve: every step once, and none missing.
        steps = self.page.run("runs[0].metrics.step")
        self.assertEqual(steps, list(range(1, 8 * EPOCHS + 1)))
        line = "document.querySelector('#diagnosis-lines li')"
        self.assertIn("<b>markup</b>", self.page.run(line + ".textContent"))
        self.assertIsNone(self.page.run(line + ".querySelector('b')"))
        for text in ("ConvTranspose2d", "GFLOP"):
            self.assertIn(text, self.page.run("document.getElementById('networks').textContent"))
        self.assertIn("g_dim", self.page.run("document.getElementById('config').textContent"))
        self.assertRegex(self.page.run("document.getElementById('last').textContent"), r"swd\S* ?\[")
        self.keep("desktop")

    def test_the_slider_moves_the_film(self) -> None:
        self.open()
        last = self.picture()
        self.page.run("document.getElementById('epoch').focus()")
        self.page.press("ArrowLeft")
        self.assertNotEqual(self.picture(), last)
        self.assertEqual(self.page.run("document.getElementById('epoch-shown').textContent"), str(EPOCHS - 1))
        self.page.press("Home")
        self.assertEqual(self.page.run("document.getElementById('epoch-shown').textContent"), "1")
        self.page.press("End")
        self.assertEqual(self.picture(), last)
        shown = self.page.run("document.getElementById('frame-0').naturalWidth")
        self.assertEqual(shown, 4 * 32 + 5 * 2)  # four pictures in a row, and lines around them
        # The button beside a line of the diagnosis goes to its epoch.
        self.page.run("document.querySelector('#diagnosis-lines button').click()")
        self.assertEqual(self.page.run("document.getElementById('epoch-shown').textContent"), "2")

    def test_the_slider_stands_where_the_picture_is_from(self) -> None:
        thinned = Path(self.folder.name) / "thinned"
        shutil.copytree(self.trained, thinned)
        (thinned / "samples" / "epoch-0002.png").unlink()
        dcgan("report", thinned)
        self.open(thinned / "report.html")
        self.page.run("document.querySelector('#diagnosis-lines button').click()")
        self.assertEqual(self.text("epoch-shown"), "2")
        self.assertEqual(self.text("caption-0"), "after epoch 1")
        self.assertEqual(self.page.run("document.getElementById('epoch').value"), "0")
        self.assertIn(f"finished after {EPOCHS} epochs", self.text("status"))

    def test_a_line_of_the_diagnosis_stops_the_film(self) -> None:
        self.open()
        self.page.run("document.getElementById('play').click()")
        self.page.run("document.querySelector('#diagnosis-lines button').click()")
        self.assertEqual(self.text("play"), "Play")
        self.page.run("new Promise((done) => setTimeout(done, 600))")
        self.assertEqual(self.text("epoch-shown"), "2")

    def test_the_film_plays(self) -> None:
        self.open()
        last = self.picture()
        self.page.run("document.getElementById('play').click()")
        self.assertEqual(self.page.run("document.getElementById('play').textContent"), "Pause")
        self.assertFalse(self.page.run("document.getElementById('play').hasAttribute('aria-pressed')"), "said twice")
        self.assertNotEqual(self.picture(), last)  # from the first epoch
        self.page.run(f"new Promise((done) => setTimeout(done, {400 * EPOCHS + 600}))")
        self.assertEqual(self.picture(), last)
        self.assertEqual(self.page.run("document.getElementById('play').textContent"), "Play")

    def test_the_keyboard_reads_and_zooms_the_curves(self) -> None:
        self.open()
        for _ in range(60):
            self.page.press("Tab")
            if self.page.run("document.activeElement.className").startswith("chart"):
                break
        else:
            self.fail("Tab does not reach a chart")
        self.page.press("ArrowRight")
        legend = "document.querySelector('.panel .legend').textContent"
        self.assertTrue(self.page.run(legend).startswith("epoch 0.125: D"), self.page.run(legend))
        # The charts are read together, but one of them aloud.
        speaking = "[...document.querySelectorAll('[role=status]')].map((of) => of.parentNode.querySelector('h3').textContent)"
        self.assertEqual(self.page.run(speaking), ["Losses"])
        self.page.run("document.activeElement.blur()")
        self.assertEqual(self.page.run(speaking), [])
        self.page.run("document.querySelector('.chart').focus()")
        self.page.press("ArrowRight")
        self.assertIn("epoch 0.25:", self.page.run(legend))
        whole = self.page.run("graphs[0].xAxisRange()")
        self.page.press("+", "+")
        near = self.page.run("graphs[0].xAxisRange()")
        self.assertLess(near[1] - near[0], 0.6 * (whole[1] - whole[0]))
        self.assertEqual(self.page.run("graphs[1].xAxisRange()"), near, "charts are zoomed together")
        self.page.press("0", "0")
        self.assertEqual(self.page.run("graphs[0].xAxisRange()"), whole)

    def test_reads_on_a_phone(self) -> None:
        self.page.show_as(390, 844, phone=True)
        self.open()
        self.assertEqual(self.page.run("document.documentElement.scrollWidth"), 390, "the page scrolls sideways")
        self.assertLessEqual(self.page.run("document.querySelector('.chart').getBoundingClientRect().right"), 390)
        self.assertGreater(self.painted(), 50)
        small = self.page.run(
            "[...document.querySelectorAll('button')].filter((b) => b.offsetHeight > 0 && b.offsetHeight < 24).length"
        )
        self.assertEqual(small, 0, "buttons too small for a finger")
        self.keep("phone")

    def test_is_dark_in_dark_mode(self) -> None:
        self.page.show_as(1200, 900, dark=True)
        self.open()
        colours = self.page.run(
            "((style) => [style.backgroundColor, style.color].map((c) => Number(c.match(/\\d+/)[0])))"
            "(getComputedStyle(document.body))"
        )
        self.assertLess(colours[0], 60)
        self.assertGreater(colours[1], 200)
        self.assertGreater(self.painted(), 50)
        self.keep("dark")

    def test_is_printed_on_white_paper(self) -> None:
        self.page.show_as(1200, 900)
        self.open()
        light = self.page.run("graphs[0].getColors()")
        self.page.show_as(1200, 900, dark=True)
        dark = self.page.run("graphs[0].getColors()")
        self.page.show_as(700, 900, dark=True, paper=True)
        self.assertNotEqual(dark, light)
        self.assertEqual(self.page.run("graphs[0].getColors()"), light)
        self.assertEqual(self.page.run("getComputedStyle(document.body).backgroundColor"), "rgb(255, 255, 255)")
        shown = "[...document.querySelectorAll('nav, .controls, .for-screens')].filter((of) => of.offsetHeight > 0).length"
        self.assertEqual(self.page.run(shown), 0)
        self.assertEqual(self.page.run("getComputedStyle(document.querySelector('pre')).whiteSpace"), "pre-wrap")
        columns = "getComputedStyle(document.getElementById('charts')).gridTemplateColumns.split(' ').length"
        self.assertEqual(self.page.run(columns), 1)
        self.assertLessEqual(self.page.run("document.documentElement.scrollWidth"), 700, "the paper is too narrow")
        self.keep("paper")

    def test_compares_runs(self) -> None:
        other = Path(self.folder.name) / "other"
        train(other, "--epochs", "2", "--seed", "1")
        page = Path(self.folder.name) / "both.html"
        dcgan("report", self.trained, other, "--output", page)
        self.open(page)
        titles = self.page.run("[...document.querySelectorAll('.panel h3')].map((title) => title.textContent)")
        self.assertEqual(titles[:2], ["Loss of D", "Loss of G"])
        self.assertEqual(self.page.run("graphs[0].getLabels()"), ["epoch", "a run", "other"])
        self.assertNotEqual(self.picture(0), self.picture(1))
        differs = self.page.run("[...document.querySelectorAll('tr.differs th')].map((head) => head.textContent)")
        self.assertIn("run.seed", differs)
        self.assertNotIn("networks.g_dim", differs)
        self.keep("comparison")

    def test_smooths_each_run_by_itself(self) -> None:
        rows = {"dense": range(1, 41), "sparse": range(4, 41, 4)}
        pages = [
            self.written(name, {"metrics.csv": METRICS + "".join(f"1,{i},{i},{i % 8},1,0.5,0.5,9\n" for i in steps)}).parent
            for name, steps in rows.items()
        ]
        page = Path(self.folder.name) / "smoothed.html"
        dcgan("report", *pages, "--output", page)
        self.open(page)
        self.page.run(
            "document.getElementById('smooth').value = 4;"
            "document.getElementById('smooth').dispatchEvent(new Event('input', { bubbles: true }))"
        )
        # At the end: of one run the losses 5 6 7 0, of the other 4 0 4 0.
        end = self.page.run("[0, 1, 2].map((column) => graphs[0].getValue(graphs[0].numRows() - 1, column))")
        self.assertEqual(end, [1, 4.5, 2])

    def test_gaps_are_neither_zero_nor_drawn_over(self) -> None:
        losses = ["1", "1", "nan", "1", "1e20", "1", "3", "nan"]
        lines = [f"{epoch},{batch},{epoch * 4 + batch - 4},{{}},nan,0.5,0.5,nan\n" for epoch in (1, 2) for batch in (1, 2, 3, 4)]
        page = self.written(
            "gaps",
            {
                "metrics.csv": METRICS + "".join(line.format(loss) for line, loss in zip(lines, losses, strict=True)),
                "norms.csv": "step,layer,weight,gradient\n1,G.fc,1,0\n2,G.fc,1,0\n",
                "quality.csv": "epoch,step,swd\n1,4,0.5\n2,8,\n",
            },
        )
        self.open(page)
        shown = self.numbers()
        self.assertTrue(math.isclose(float(shown["loss of D, mean of the last epoch's lines"][0]), 1e20 / 3, rel_tol=1e-3))
        for name in ("loss of G, mean of the last epoch's lines", "images a second, median", "swd"):
            self.assertTrue(shown[name][0].startswith("–"), shown[name])
        row = "graphs[0].file_.map((row) => Number.isNaN(row[1]))"
        self.assertEqual(self.page.run(row), [loss == "nan" for loss in losses])
        titles = self.page.run("[...document.querySelectorAll('.panel h3')].map((title) => title.textContent)")
        self.assertIn("Weight norms of G's layers", titles)
        self.assertNotIn("Gradient norms of G's layers", titles)  # a log scale has no place for zeros alone
        # A mean leaves gaps where they are, and huge losses behind.
        self.page.run("graphs[0].smooth(2)")
        self.assertEqual(self.page.run(row), [loss == "nan" for loss in losses])
        self.assertEqual(self.page.run("graphs[0].getValue(6, 1)"), 2)

    def test_dashes_curves_beyond_the_colours(self) -> None:
        folders = []
        for i in range(10):
            rows = "".join(f"1,{step},{step},{i + step},1,0.5,0.5,9\n" for step in (1, 2))
            folders.append(self.written(f"run {i}", {"metrics.csv": METRICS + rows}).parent)
        page = Path(self.folder.name) / "many.html"
        dcgan("report", *folders, "--output", page)
        self.open(page)
        looks = self.page.run(
            "graphs[0].getLabels().slice(1).map((label, i) =>"
            " JSON.stringify([graphs[0].getColors()[i], graphs[0].getOption('strokePattern', label)]))"
        )
        self.assertEqual(len(set(looks)), 10, looks)
        self.assertEqual(json.loads(looks[0])[0], json.loads(looks[8])[0])

    def test_says_how_a_run_ended(self) -> None:
        steps = Path(self.folder.name) / "steps"
        train(steps, "--steps", "5")
        self.open(steps / "report.html")
        self.assertTrue(self.text("status").startswith("finished after 5 steps, "), self.text("status"))
        self.assertGreater(self.painted(), 50)
        self.assertEqual(self.numbers()["epochs done"], ["0"])
        for ended, status in (("stopped", "stopped after 1 of 3 epochs"), ("diverged", "diverged after 1 of 3 epochs")):
            about = {"machine": "m", "data": "d", "batches_per_epoch": 2, "networks": "", "work": "", "ended": ended}
            rows = METRICS + "".join(f"{1 + i // 2},{1 + i % 2},{i + 1},1,1,0.5,0.5,9\n" for i in range(3))
            page = self.written(ended, {"about.json": json.dumps(about), "metrics.csv": rows}, '{"schedule": {"epochs": 3}}')
            self.open(page)
            self.assertEqual(self.text("status"), status + ", d, m")
        one = self.written("one", {"metrics.csv": METRICS + "1,1,1,1,1,1,1,1\n2,1,2,1,1,1,1,1\n"}, '{"epochs": 1}')
        self.open(one)
        self.assertEqual(self.text("status"), "2 epochs")

    def test_of_a_run_that_has_just_begun(self) -> None:
        begun = Path(self.folder.name) / "begun"
        begun.mkdir()
        (begun / "config.json").write_text('{"schedule": {"epochs": 3}}')
        for metrics in (None, METRICS):  # a run killed in its first epoch, once it is resumed, has the head alone
            if metrics:
                (begun / "metrics.csv").write_text(metrics)
            dcgan("report", begun)
            self.open(begun / "report.html")
            text = self.page.run("document.body.textContent")
            for part in ("No epoch has ended yet.", "Nothing has been logged yet.", "0 of 3 epochs so far"):
                self.assertIn(part, text)
            self.assertEqual(self.numbers()["images a second, median"], ["–"])
            heights = "[...document.querySelectorAll('.controls')].map((controls) => controls.offsetHeight)"
            self.assertEqual(self.page.run(heights), [0, 0])


def main() -> None:
    global DCGAN, SCREENSHOTS
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dcgan", type=Path, required=True)
    parser.add_argument("--screenshots", type=Path, help="a folder to keep what the browser shows")
    arguments, rest = parser.parse_known_args()
    DCGAN, SCREENSHOTS = arguments.dcgan.resolve(), arguments.screenshots
    if chromium.find() is None:
        print("skipped: no Chromium (on Debian: apt-get install chromium; or name the program in CHROMIUM)")
        sys.exit(77)
    if SCREENSHOTS:
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    unittest.main(argv=[sys.argv[0], *rest])


if __name__ == "__main__":
    main()

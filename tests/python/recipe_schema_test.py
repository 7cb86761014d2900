#!/usr/bin/env python3
"""The JSON schema of recipes is one, takes the shipped recipes and the one in the documentation, and refuses wrong ones.

    python3 tests/python/recipe_schema_test.py --dcgan ./apps/dcgan

Exits with 77, which ctest counts as skipped, where jsonschema is not installed.
"""

import argparse
import json
import re
import subprocess
import sys
import unittest
from pathlib import Path

try:
    from jsonschema import Draft7Validator
except ImportError as error:
    print(f"skipped: {error} (pip install -r scripts/requirements.txt)")
    sys.exit(77)

ROOT = Path(__file__).resolve().parents[2]
DCGAN: Path

CONV = {"type": "Conv2d", "out_channels": 1, "kernel_size": 3}
# Recipes, and the place of what is wrong in each.
WRONG = [
    ({"latent": {"zdim": 3}}, "latent"),
    ({"latent": {"z_dim": 0}}, "latent.z_dim"),
    ({"data": {"image_size": 48}}, "data.image_size"),
    ({"schedule": 40}, "schedule"),
    ({"optimizer_G": {"type": "SGD"}}, "optimizer_G.type"),
    ({"optimizer_G": {"decay": 1}}, "optimizer_G"),
    ({"optimizer_D": {"type": "RMSprop", "betas": [0, 0]}}, "optimizer_D"),
    ({"optimizer_D": {"betas": [0.5, 1]}}, "optimizer_D.betas.1"),
    ({"generator": []}, "generator"),
    ({"generator": [{"type": "Lineal"}]}, "generator.0.type"),
    ({"generator": [{"type": "Linear"}]}, "generator.0"),
    ({"generator": [{"type": "Tanh", "slope": 1}]}, "generator.0"),
    ({"discriminator": [{"type": "Sequential", "layers": [{**CONV, "stride": 0}]}]}, "discriminator.0.layers.0.stride"),
    ({"discriminator": [{**CONV, "kernel_size": [3, 3, 3]}]}, "discriminator.0.kernel_size"),
]


class RecipeSchema(unittest.TestCase):
    validator: Draft7Validator

    @classmethod
    def setUpClass(cls) -> None:
        printed = subprocess.run([DCGAN, "info", "--schema"], capture_output=True, text=True, check=True).stdout
        cls.validator = Draft7Validator(json.loads(printed))

    def test_it_is_a_schema(self) -> None:
        Draft7Validator.check_schema(self.validator.schema)

    def test_takes_what_the_program_takes(self) -> None:
        page = (ROOT / "docs" / "recipes.md").read_text()
        recipes = [json.loads(text) for text in re.findall(r"```json\n(.*?)```", page, re.DOTALL)]
        self.assertEqual(len(recipes), 1)
        for path in (ROOT / "apps" / "recipes").glob("*.json"):
            if path.name != "recipe.schema.json":
                recipes.append(json.loads(path.read_text()))
                info = [DCGAN, "info", "--recipe", str(path), "--json"]
                recipes.append(json.loads(subprocess.run(info, capture_output=True, text=True, check=True).stdout))
        self.assertEqual(len(recipes), 7)
        for recipe in recipes:
            self.assertEqual([e.message for e in self.validator.iter_errors(recipe)], [], recipe["recipe"])

    def test_names_the_place_of_what_is_wrong(self) -> None:
        for recipe, place in WRONG:
            places = [".".join(map(str, error.absolute_path)) for error in self.validator.iter_errors(recipe)]
            self.assertIn(place, places, recipe)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dcgan", type=Path, required=True)
    DCGAN = parser.parse_args().dcgan.resolve()
    unittest.main(argv=sys.argv[:1])

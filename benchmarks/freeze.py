"""The seeds of the default experiment: nobody chose them.

    python benchmarks/freeze.py

They follow from the SHA-256 of config/phantom.yaml (names, seeds and rows left out) and of the code that
makes the phantoms. Whoever changes either prints new ones with this, writes them into config/phantom.yaml and
the files that extend it, and runs the experiment anew; `tests/config/test_frozen_phantom.py` compares.
"""

from pathlib import Path

from rsuper.config.frozen import Seeds, derived_seeds
from rsuper.config.load import read_yaml
from rsuper.fingerprint import content_hash

ROOT = Path(__file__).resolve().parent.parent
EXPERIMENT = ROOT / "config" / "phantom.yaml"
TRAINING_SEEDS = 3


def phantom_seeds() -> Seeds:
    """Derive the seeds from the experiment file and the generator as they are."""
    package = ROOT / "rsuper"
    generator = [*(package / "data" / "phantom").glob("*.py"), package / "config" / "phantom.py"]
    return derived_seeds(read_yaml(EXPERIMENT), content_hash(generator, ROOT), TRAINING_SEEDS)


def main() -> None:
    """Print them as the experiment files have them."""
    seeds = phantom_seeds()
    print(f"data_seed: {seeds.data_seed}\nseeds: {list(seeds.seeds)}  # phantom.yaml has the first alone")


if __name__ == "__main__":
    main()

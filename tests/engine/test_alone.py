"""The engine where little is installed: torch, numpy, scipy (and jaxtyping, which only annotates)."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ALLOWED = ("torch", "numpy", "scipy", "jaxtyping", "wadler_lindig")
CODE = f"""
import importlib.metadata, importlib.util, sys
# Everything that is installed, but for what torch itself stands on.
kept = set({ALLOWED!r})
pending = ["torch"]
needs = {{"torch"}}
while pending:
    for line in importlib.metadata.requires(pending.pop()) or ():
        name = __import__("re").match(r"[A-Za-z0-9_.-]+", line)[0].lower().replace("_", "-")
        try:
            importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue
        if name not in needs and "extra ==" not in line:
            needs.add(name)
            pending.append(name)
modules = importlib.metadata.packages_distributions()
blocked = {{
    module
    for module, owners in modules.items()
    if module not in kept and not any(o.lower().replace("_", "-") in needs for o in owners)
    and module not in sys.stdlib_module_names
    and module not in ("rsuper", "setuptools", "pkg_resources", "_distutils_hack")
}}
assert {{"pydantic", "pandas", "tqdm", "nibabel", "blosc2", "yaml", "monai", "matplotlib"}} <= blocked
class Blocked:
    def find_spec(self, name, path=None, target=None):
        return importlib.util.spec_from_loader(name, self) if name.split(".")[0] in blocked else None
    def create_module(self, spec):
        raise ModuleNotFoundError(f"blocked: {{spec.name}}", name=spec.name)
    def exec_module(self, module):
        pass
sys.meta_path.insert(0, Blocked())
sys.path.insert(0, ".")

from pathlib import Path
import torch
from rsuper.engine import average, board, checkpoint, computing, distributed, generators, loading
from rsuper.engine import predict, progress, provenance, settings, stage, train
from tests.engine.scenes import Plan, network, patches, r_super

model = network()
before = [each.clone() for each in model.parameters()]
out = Path(sys.argv[1])
train.train(model, patches, r_super, stage.Stage(2, 0.01, Plan()), out)
assert any(not torch.equal(a, b) for a, b in zip(before, model.parameters()))
assert checkpoint.is_finished(out)

class Windows:
    overlap, blend, batch = 0.5, "gaussian", 2
image = patches(0).image[0].numpy()
found = predict.probability_map(lambda x: model.eval()(x).final, image, (8, 8, 8), Windows(), "cpu")
assert found.shape == (1, 8, 8, 8)
print("trained", sorted((blocked & set(sys.modules)) - set(['coverage'])))  # it measures
"""


@pytest.mark.slow
def test_it_trains_with_torch_numpy_and_scipy(tmp_path):
    command = [sys.executable, "-c", CODE, str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout == "trained []\n"

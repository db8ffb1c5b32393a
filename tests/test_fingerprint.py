import pytest

from rsuper.errors import MethodError
from rsuper.fingerprint import closure, fingerprint
from rsuper.methods import METHODS, find

FILES = {
    "rsuper/__init__.py": "",
    "rsuper/losses/__init__.py": "",
    "rsuper/losses/volume.py": "def loss(x):\n    return 2 * x\n",
    "rsuper/losses/ball.py": "from rsuper.shapes import RADIUS\n",
    "rsuper/shapes.py": "RADIUS = 1\n",
    "rsuper/unused.py": "A = 1\n",
    "methods/one/method.yaml": "label: one\n",
    "methods/one/method.py": (
        '"""One."""\n'
        "import numpy\n"
        "from rsuper.losses import volume\n\n\n"
        "def fit(x):\n"
        '    """Fit."""\n'
        "    from rsuper.losses.ball import RADIUS  # late, and still counted\n"
        "    return volume.loss(x) + RADIUS\n"
    ),
}


@pytest.fixture
def checkout(tmp_path):
    """`checkout(**changes)`: a new folder with FILES, some changed; returns the fingerprint of its method."""
    numbers = iter(range(100))

    def make(changes=None, *, wanted=("methods/one/method.py", "methods/one/method.yaml")):
        root = tmp_path / str(next(numbers))
        for name, text in {**FILES, **(changes or {})}.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return fingerprint([root / name for name in wanted], root)

    return make


def edited(name, old, new):
    assert old in FILES[name]
    return {name: FILES[name].replace(old, new)}


def test_the_same_code_elsewhere_has_the_same_fingerprint(checkout):
    assert checkout() == checkout()
    assert len(checkout()) == 16
    assert checkout() == checkout(wanted=("methods/one/method.yaml", "methods/one/method.py"))


@pytest.mark.parametrize(
    "changes",
    [
        edited("methods/one/method.py", '"""One."""', '"""Another text."""'),
        edited("methods/one/method.py", '    """Fit."""\n', ""),
        edited("methods/one/method.py", "  # late, and still counted", ""),
        edited(
            "methods/one/method.py",
            "volume.loss(x) + RADIUS",
            "(\n        volume.loss(x)\n        + RADIUS\n    )",
        ),
        edited("rsuper/unused.py", "1", "2"),
        {"rsuper/losses/other.py": "B = 1\n"},
    ],
)
def test_what_does_not_count(checkout, changes):
    assert checkout(changes) == checkout()


@pytest.mark.parametrize(
    "changes",
    [
        edited("methods/one/method.py", "+ RADIUS", "- RADIUS"),
        edited("methods/one/method.yaml", "one", "two"),
        edited("rsuper/losses/volume.py", "2 * x", "3 * x"),  # from rsuper.losses import volume
        edited("rsuper/shapes.py", "1", "2"),  # imported by what is imported inside a function
        edited("rsuper/losses/__init__.py", "", "C = 1\n"),
    ],
)
def test_what_counts(checkout, changes):
    assert checkout(changes) != checkout()


def test_the_closure_follows_modules_and_names(tmp_path, checkout):
    checkout()
    root = (tmp_path / "0").resolve()
    found = {path.relative_to(root).as_posix() for path in closure([root / "methods/one/method.py"], root)}
    assert found == {
        "methods/one/method.py",
        "rsuper/losses/__init__.py",
        "rsuper/losses/volume.py",
        "rsuper/losses/ball.py",
        "rsuper/shapes.py",
    }


def test_a_file_that_is_missing_or_no_python_is_named(checkout):
    with pytest.raises(MethodError, match=r"none.py: no such file"):
        checkout(wanted=("methods/one/none.py",))
    with pytest.raises(MethodError, match=r"volume.py: not valid Python"):
        checkout({"rsuper/losses/volume.py": "def loss(:\n"})


@pytest.mark.parametrize(
    ("module", "users"),
    [
        ("losses/volume.py", {"r_super"}),
        ("losses/ball.py", {"r_super"}),
        ("losses/segmentation.py", {"r_super", "segmentation"}),
        ("engine/train.py", {"r_super", "segmentation"}),
        ("networks/unet.py", {"r_super", "segmentation"}),
        ("task.py", {"r_super", "segmentation", "silent", "oracle"}),
        ("evaluate/cases.py", set()),
        ("publish/table2.py", set()),
    ],
)
def test_editing_a_module_retrains_the_methods_that_use_it_alone(module, users):
    root = METHODS.parent
    for name in ("r_super", "segmentation", "silent", "oracle"):
        files = closure([find(name).folder / "method.py"], root)
        assert (root / "rsuper" / module in files) == (name in users), name


def test_variants_share_the_fingerprint_of_their_folder():
    # Their configuration, which differs, is a parameter of its own.
    assert find("r_super").fingerprint() == find("r_super-ball_only").fingerprint()
    assert find("r_super").fingerprint() != find("segmentation").fingerprint()

"""The code of a training: its parts wherever they stand, apart from wording; nothing that was not used."""

import functools
import linecache

import pytest

from coursework import schedules, source_code
from segmentation import losses, models, train

STEP = """
SCALE = 2.0


def helper(values, by=SCALE):
    return values * by


def step(images, lr=0.1):
    total = helper(images) - lr
    if total < 0:
        raise ValueError(f"the sum is {total}")
    return total


class Net:
    depth = 3

    def forward(self, images):
        return helper(images) + self.depth
"""


def load_module(name, code, tmp_path, monkeypatch):
    """A module with this code, in a file, as if it were one of a week."""
    path = tmp_path / f"{name}.py"
    path.write_text(code)
    linecache.checkcache(str(path))
    module = type(source_code)(name)
    module.__file__ = str(path)
    monkeypatch.setitem(source_code.sys.modules, name, module)
    exec(compile(code, str(path), "exec"), vars(module))
    return module


def hash_of(code, tmp_path, monkeypatch, names=("step", "Net"), module="gan.trial"):
    """The hash of definitions in a module with this code."""
    scope = load_module(module, code, tmp_path, monkeypatch)
    return source_code.training_code(*(getattr(scope, name) for name in names))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (
            "def step(images, lr=0.1):",
            'def step(images: "N, 3", lr: float = 0.1) -> float:\n    """What a step does."""',
        ),
        ("    depth = 3", '    """A network."""\n\n    depth: int = 3  # layers'),
        ("total = helper(images) - lr", "total = (helper(images)\n             - lr)  # the same"),
        ('f"the sum is {total}"', 'f"{total} is too low; raise it"'),
        ("SCALE = 2.0\n", "SCALE = 2.0\nUNUSED = 5\n"),
    ],
)
def test_wording_changes_nothing(tmp_path, monkeypatch, old, new):
    assert STEP.count(old) == 1
    assert hash_of(STEP.replace(old, new), tmp_path, monkeypatch) == hash_of(STEP, tmp_path, monkeypatch)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("helper(images) - lr", "helper(images) + lr"),
        ("values * by", "values / by"),
        ("SCALE = 2.0", "SCALE = 3.0"),
        ("lr=0.1", "lr=0.2"),
        ("depth = 3", "depth = 4"),
        ("helper(images) + self.depth", "helper(images) * self.depth"),
        ("raise ValueError", "raise TypeError"),
    ],
)
def test_a_change_of_the_code_its_helpers_or_constants_is_seen(tmp_path, monkeypatch, old, new):
    assert STEP.count(old) == 1
    assert hash_of(STEP.replace(old, new), tmp_path, monkeypatch) != hash_of(STEP, tmp_path, monkeypatch)


GLOBALS = """
import functools
from gan.shared import FACTOR, soften as soft

SLOPE = functools.partial(max, 0.2)
CHANGES = {"mirror": SLOPE, "turn": slice(0, 90)}


def sharp(x):
    return x + 1


def blunt(x):
    return x - 1


LOSSES = {"sharp": sharp, "blunt": (blunt, sharp)}


class Plan:
    loss: str

    def loss_of(self):
        return LOSSES[self.loss]


def augment(images):
    return [change(soft(images, FACTOR)) for change in CHANGES.values()]


def assemble(seed):
    return augment(seed + 1)
"""
SHARED = """
FACTOR = 3


def soften(images, by):
    return images / by
"""


def hash_of_globals(code, shared, tmp_path, monkeypatch, names=("Plan", "augment"), alone=("assemble",)):
    """The hash of definitions in a module that imports from another one of its week."""
    load_module("gan.shared", shared, tmp_path, monkeypatch)
    module = load_module("gan.trial", code, tmp_path, monkeypatch)
    return source_code.training_code(
        *(getattr(module, name) for name in names), alone=[getattr(module, name) for name in alone]
    )


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("slice(0, 90)", "slice(0, 5)"),  # within a dict of objects
        ("partial(max, 0.2)", "partial(max, 0.9)"),  # an argument, reached through that dict
        ("FACTOR = 3", "FACTOR = 4"),  # imported from another module
        ("images / by", "images * by"),  # imported by another name
        ("LOSSES[self.loss]", 'LOSSES["sharp"]'),  # a method of a root
        ("seed + 1", "seed + 2"),  # the own code of what is hashed alone
    ],
)
def test_globals_methods_and_what_assembles_count(tmp_path, monkeypatch, old, new):
    assert (GLOBALS + SHARED).count(old) == 1
    before = hash_of_globals(GLOBALS, SHARED, tmp_path, monkeypatch)
    assert hash_of_globals(GLOBALS.replace(old, new), SHARED.replace(old, new), tmp_path, monkeypatch) != before


def test_what_was_not_chosen_and_what_is_hashed_alone_uses_do_not_count(tmp_path, monkeypatch):
    before = hash_of_globals(GLOBALS, SHARED, tmp_path, monkeypatch)
    changed = GLOBALS.replace("return x - 1", "return x - 2")  # the loss that is no root
    assert hash_of_globals(changed, SHARED, tmp_path, monkeypatch) == before
    chosen = [hash_of_globals(code, SHARED, tmp_path, monkeypatch, ("Plan", "blunt")) for code in (GLOBALS, changed)]
    assert chosen[0] != chosen[1]
    changed = GLOBALS.replace("slice(0, 90)", "slice(0, 5)")  # used by `assemble` only through `augment`
    alone = [hash_of_globals(code, SHARED, tmp_path, monkeypatch, ("Plan",)) for code in (GLOBALS, changed)]
    assert alone[0] == alone[1]


def test_schedules_and_backbones_of_the_course_count():
    found = source_code.find_code([train.fit])
    assert schedules.one_cycle in found
    assert "transforms" in {thing.module.split(".")[-1] for thing in found if isinstance(thing, source_code.Global)}


def test_the_module_does_not_matter_and_helpers_of_other_packages_do_not_count(tmp_path, monkeypatch):
    own = hash_of(STEP, tmp_path, monkeypatch)
    assert own == hash_of(STEP, tmp_path, monkeypatch, module="simpsons.other")
    changed = STEP.replace("values * by", "values / by")
    assert own != hash_of(changed, tmp_path, monkeypatch)
    outside = [hash_of(code, tmp_path, monkeypatch, module="elsewhere.trial") for code in (STEP, changed)]
    assert outside[0] == outside[1]
    plotting = [hash_of(code, tmp_path, monkeypatch, module="gan.plots") for code in (STEP, changed)]
    assert plotting[0] == plotting[1]
    evaluating = [hash_of(code, tmp_path, monkeypatch, module="gan.evaluate") for code in (STEP, changed)]
    assert evaluating[0] != evaluating[1]


def test_definitions_of_a_notebook_are_found(monkeypatch):
    """A kernel keeps the cell in linecache, under a name that is no file, and `__main__` has no file either."""
    cell = "<ipython-input-1>"
    monkeypatch.setitem(linecache.cache, cell, (len(STEP), None, STEP.splitlines(keepends=True), cell))
    scope = type(source_code)("__main__")
    exec(compile(STEP, cell, "exec"), vars(scope))
    monkeypatch.setitem(source_code.sys.modules, "__main__", scope)
    assert source_code.source_of(scope.Net).text.startswith("class Net:")
    assert len(source_code.training_code(scope.Net, scope.step)) == 16


def test_a_definition_without_source_is_named():
    scope = {"__name__": "gan.nowhere"}
    exec("class Lost:\n    pass", scope)
    with pytest.raises(ValueError, match="the source of Lost cannot be found"):
        source_code.source_of(scope["Lost"])


def test_only_what_is_used_counts():
    """Dice does not depend on Lovász's weights, and U-Net not on SegNet."""
    found = source_code.model_code(models.UNet(4))
    assert models.UNet in found
    assert models.SegNet not in found
    codes = {
        source_code.training_code(train.training_step, *source_code.model_code(network(4)), loss)
        for network in (models.UNet, models.SegNet)
        for loss in (losses.dice_loss, losses.lovasz_loss)
    }
    assert len(codes) == 4
    partial = functools.partial(losses.tversky_loss, alpha=0.4)
    assert source_code.training_code(partial) == source_code.training_code(losses.tversky_loss)


def test_modules_with_short_names_in_a_notebook_do_not_count(monkeypatch):
    """A notebook imports torch.nn.functional as F: in upper case, but no constant of the notebook."""
    code = "def step(logits, labels):\n    return F.cross_entropy(logits, labels) * SCALE\n"
    cell = "<ipython-input-2>"
    monkeypatch.setitem(linecache.cache, cell, (len(code), None, code.splitlines(keepends=True), cell))
    scope = type(source_code)("__main__")
    vars(scope).update(F=functools, SCALE=2)
    exec(compile(code, cell, "exec"), vars(scope))
    monkeypatch.setitem(source_code.sys.modules, "__main__", scope)
    assert set(source_code.find_code([scope.step])) == {scope.step, "SCALE = 2"}


def test_arguments_named_as_globals_of_a_notebook_do_not_count(monkeypatch):
    """After `for name, loss in LOSSES.items()` a notebook has a global `loss`, which is not the argument of a step."""
    code = "def step(model, images, loss):\n    return loss(model(images)) + scaled()\n"
    code += "\n\ndef scaled():\n    return 2\n\n\nclass Halve:\n    @staticmethod\n    def half():\n        return 3\n"
    cell = "<ipython-input-3>"
    monkeypatch.setitem(linecache.cache, cell, (len(code), None, code.splitlines(keepends=True), cell))
    scope = type(source_code)("__main__")
    exec(compile(code, cell, "exec"), vars(scope))
    scope.loss = scope.images = losses.lovasz_loss
    monkeypatch.setitem(source_code.sys.modules, "__main__", scope)
    assert set(source_code.find_code([scope.step])) == {scope.step, scope.scaled}
    assert source_code.source_of(scope.Halve).text.startswith("class Halve:")  # with a static method only

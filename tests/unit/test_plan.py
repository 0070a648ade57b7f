import re

import pytest
from ruamel.yaml import YAML

from grvae.base.errors import GrvaeError
from grvae.params import validate
from studies.claims.measure import measure
from studies.claims.plan import OF_A_VAE, Statement, load_plan
from studies.claims.study import load_study
from tests.conftest import PROJECT
from tests.handmade import brightest_of_ten, pixel_reader

FOLDER = PROJECT / "studies" / "claims"
BOUND = {"measure": "read_accuracy", "variant": "gated", "more_than": 0.9}


@pytest.fixture(scope="module")
def plan():
    return load_plan(FOLDER / "plan.yaml", load_study(FOLDER / "params.yaml").variants)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"measure": "beauty"}, "measure: got 'beauty', allowed: read_accuracy, "),
        ({"less_than": 0.95}, "more_than, less_than: should be one of them"),
        ({"more_than": None}, "more_than, less_than: should be one of them"),
        ({"measure": "good_run", "minus": "hard"}, "minus: should be missing where runs are"),
        ({"margin": 0.9}, "margin: unknown key"),
    ],
)
def test_statement_that_bounds_nothing_is_refused(changes, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        validate(Statement, BOUND | changes)


@pytest.mark.parametrize(
    "changes",
    [{}, {"minus": "hard"}, {"measure": "good_run"}, {"more_than": None, "less_than": 0.9}],
)
def test_statement_with_one_bound_has_it_as_margin(changes):
    assert validate(Statement, BOUND | changes).margin == 0.9


@pytest.mark.parametrize("bound", ["more_than", "less_than"])
def test_margin_may_be_zero(bound):
    assert Statement(measure="read_accuracy", variant="gated", **{bound: 0.0}).margin == 0


@pytest.fixture
def written(tmp_path):
    """A plan of one part in a file, with some of its values changed."""

    def write(alpha=0.05, **changes):
        part = BOUND | {"says": "It reads.", "control": BOUND} | changes
        claim = {"title": "", "source": "", "parts": {"reads": part}}
        YAML().dump({"alpha": alpha, "claims": {"sign": claim}}, tmp_path / "plan.yaml")
        return tmp_path / "plan.yaml"

    return write


def test_plan_has_its_parts_by_name(written):
    ((name, part),) = load_plan(written(more_than=0.8), ["gated"]).parts.items()
    assert (name, part.margin, part.control.margin, part.in_readme) == ("reads", 0.8, 0.9, False)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"below": 0.8}, "claims.sign.parts.reads.below: unknown key"),
        ({"measure": "beauty"}, "claims.sign.parts.reads.measure: got 'beauty', allowed: read_acc"),
        (
            {"control": BOUND | {"less_than": 1.0}},
            "claims.sign.parts.reads.control.more_than, ",
        ),
        ({"alpha": 0.0}, "alpha: got 0.0, should be greater than 0"),
        ({"alpha": 1.0}, "alpha: got 1.0, should be less than 1"),
    ],
)
def test_bad_plan_is_one_line_that_says_where(written, changes, message):
    path = written(**changes)
    with pytest.raises(GrvaeError, match=f"^{re.escape(f'{path}: {message}')}.*$"):
        load_plan(path, ["gated"])


@pytest.mark.parametrize(
    "changes", [{"variant": "x"}, {"minus": "x"}, {"control": BOUND | {"variant": "x"}}]
)
def test_variant_without_runs_is_one_line_that_says_which(written, changes):
    path = written(**changes)
    line = f"{path}: reads: got 'x', allowed: gated, hard"
    with pytest.raises(GrvaeError, match=f"^{re.escape(line)}$"):
        load_plan(path, ["gated", "hard"])


def test_parts_of_two_claims_may_not_have_the_same_name(written):
    path = written()
    values = YAML().load(path)
    values["claims"]["other"] = values["claims"]["sign"]
    YAML().dump(values, path)
    with pytest.raises(GrvaeError, match=r"claims: got 'reads' twice, each may stand once$"):
        load_plan(path, ["gated"])


def test_every_measure_that_can_be_bounded_is_measured(params, recipe, images):
    measured = measure(pixel_reader(), recipe, params.evaluation, images, images, brightest_of_ten)
    assert list(measured) == list(OF_A_VAE)


def test_readme_quotes_eight_parts_at_most(plan):
    assert 0 < sum(part.in_readme for part in plan.parts.values()) <= 8

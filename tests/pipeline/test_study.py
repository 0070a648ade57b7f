"""The study, from its parameters to its report: two variants, tiny and on few images."""

import pytest
from click.testing import CliRunner
from ruamel.yaml import YAML

from benchmarks.sweep import sweep
from grvae.base.layout import DataFolder
from grvae.base.storage import load_table, save_arrays, save_json
from grvae.data.published import load_digits
from grvae.data.sets import write_splits
from grvae.model.images import load_images
from stages.train import train
from studies import findings, measure, report, runs
from studies.classifier import train_classifier
from studies.plan import OF_A_VAE
from tests.conftest import PROJECT

STUDY, MAIN = PROJECT / "studies", PROJECT / "params.yaml"
TINY = {
    "dataset": "digits", "hidden_sizes": [2, 4, 16], "decoder_sizes": [16], "epochs": 1,
    "decoder_epochs": 0,
}  # fmt: skip
PARAMS = {
    "variants": ["gated"],
    "seeds": [7, 8],
    "datasets": ["digits"],
    "runs": {
        "gated": {"of": "gated", "changes": TINY, "cpu": [7, 2]},
        "baseline": {"of": "baseline", "changes": TINY, "gpu": [7, 2]},
        "planned": {"of": "hard", "changes": TINY, "cpu": [7, 2]},
    },
    "probe_images": 300,
}
CONTROL = {"measure": "accuracy", "variant": "gated", "more_than": 0.0}
PARTS = {
    "cost": {"measure": "squared_error", "minus": "baseline", "less_than": 5.0},
    "later": {"measure": "accuracy", "minus": "planned", "more_than": 0.0},
}


def run(stage, **options):
    arguments = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
    result = CliRunner().invoke(stage, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """All stages after the download; the baseline is trained by the sweep, as on a GPU."""
    folder = tmp_path_factory.mktemp("study")
    params, plan, data = folder / "params.yaml", folder / "plan.yaml", folder / "data"
    YAML().dump(PARAMS, params)
    parts = {
        name: {**part, "variant": "gated", "says": f"{name}.", "control": CONTROL, "primary": True}
        for name, part in PARTS.items()
    }
    claim = {"title": "A title", "source": "users", "parts": parts}
    YAML().dump({"alpha": 0.05, "claims": {"claim": claim}}, plan)
    files = DataFolder(data / "digits")
    write_splits(files, *load_digits(), 0.1)
    trained = train_classifier(load_images(files.train), seed=0, steps=100).state_dict()
    classifier = folder / "classifiers" / "digits.safetensors"
    save_arrays(classifier, {name: value.numpy() for name, value in trained.items()})

    run(runs.main, params=params, main_params=MAIN, out=folder / "variants")
    variant = {"variant": folder / "variants" / "gated.json", "data": data}
    for seed in PARAMS["seeds"]:
        run(train, **variant, weights=folder / "runs" / f"{seed}.safetensors", seed=seed)
    run(
        measure.main, params=params, main_params=MAIN, **variant, classifiers=classifier.parent,
        runs=folder / "runs", out=folder / "tables" / "gated.csv",
    )  # fmt: skip
    run(
        sweep, params=MAIN, list=params, data=data / "digits", measure="study",
        classifier=classifier, table=folder / "tables" / "gpu.csv",
    )  # fmt: skip
    found = folder / "findings.csv"
    run(findings.main, params=params, plan=plan, tables=folder / "tables", out=found)
    save_json(folder / "classifier.json", {"test_accuracy": 0.5})
    template = """{% for name, part in plan.parts.items() %}
{{ part.says }} {{ findings[name].verdict }} {{ findings[name] | effect(part) }}
{% endfor %}"""
    (folder / "template.md").write_text(template)
    run(
        report.main, plan=plan, tables=folder / "tables", findings=found,
        classifier=folder / "classifier.json", pilot=STUDY / "pilot.csv",
        template=folder / "template.md", figure=folder / "forest.png", out=folder / "report.md",
        claims_template=folder / "template.md", claims=folder / "claims.md",
    )  # fmt: skip
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(("table", "variant"), [("gated", "gated"), ("gpu", "baseline")])
def test_table_has_every_measure_of_every_run(folder, table, variant):
    rows = load_table(folder / "tables" / f"{table}.csv")
    assert list(zip(rows["variant"], rows["seed"], strict=True)) == [(variant, 7), (variant, 8)]
    assert set(OF_A_VAE) <= set(rows.columns)
    assert rows["squared_error"].nunique() == 2


@pytest.mark.slow
def test_measured_part_gets_a_verdict_and_a_planned_one_waits(folder):
    cost, later = (folder / "report.md").read_text().splitlines()
    assert cost.startswith(("cost. undecided ", "cost. control failed "))
    assert later == "later. not yet measured \N{EM DASH}"
    assert (folder / "forest.png").read_bytes().startswith(b"\x89PNG")

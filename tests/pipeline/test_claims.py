"""The study of the claims, from variants to report: every variant, tiny and on few images."""

import pytest
from click import Command
from click.testing import CliRunner
from ruamel.yaml import YAML

from grvae.base.layout import DataFolder
from grvae.base.storage import load_table, save_json
from grvae.data.published import load_digits
from grvae.data.sets import write_splits
from grvae.params import load_params
from stages.train import train
from studies.claims import figures, measure, report, summarise, train_reader
from studies.claims.plan import OF_A_VAE, load_plan
from studies.claims.registration import CLAIMS as STUDY
from studies.claims.registration import DEVIATIONS, REGISTRATION
from studies.claims.study import load_study
from tests.conftest import PROJECT

MAIN, PARAMS = PROJECT / "params.yaml", PROJECT / STUDY / "params.yaml"
PLAN, REPORTS = PROJECT / STUDY / "plan.yaml", PROJECT / "studies" / "reports" / "claims"
SEEDS = [3000, 3001]


def run(stage, **options):
    arguments = [
        part
        for name, value in options.items()
        for part in (
            f"--{name.replace('_', '-')}",
            *(map(str, value) if isinstance(value, tuple) else [str(value)]),
        )
    ]
    result = CliRunner().invoke(
        stage if isinstance(stage, Command) else stage.main, arguments, catch_exceptions=False
    )
    assert result.exit_code == 0, result.output


def write_tiny(params, folder):
    """Each variant on the few images, with a small network, for one epoch."""
    for name, variant in load_study(PARAMS).resolve(params).items():
        recipe = variant.recipe
        sizes = [16, 8] if recipe.network == "mlp" else [2, 4, 16]
        tiny = {
            "dataset": "digits",
            "hidden_sizes": sizes,
            "decoder_sizes": recipe.decoder_sizes and [16],
            "epochs": 1,
            "decoder_epochs": min(1, recipe.decoder_epochs),
        }
        save_json(folder / f"{name}.json", variant.override(tiny, "").model_dump())


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """All stages after the download, with two seeds."""
    folder = tmp_path_factory.mktemp("claims")
    write_tiny(load_params(MAIN), folder / "variants")
    write_splits(DataFolder(folder / "data" / "digits"), *load_digits(), 0.1)
    small = YAML(typ="safe").load(PARAMS) | {"seeds": SEEDS, "probe_images": 300}
    small["reader"] |= {"steps": 100}
    params = folder / "params.yaml"
    YAML().dump(small, params)

    readers, runs, measures = (folder / name for name in ("readers", "runs", "measures"))
    run(
        train_reader, params=params, data=folder / "data" / "digits",
        reader=readers / "digits.safetensors", measures=folder / "reader.json",
    )  # fmt: skip
    for name in load_study(params).variants:
        variant = {"variant": folder / "variants" / f"{name}.json", "data": folder / "data"}
        for seed in SEEDS:
            run(train, **variant, weights=runs / name / f"{seed}.safetensors", seed=seed)
        run(
            measure, params=params, main_params=MAIN, **variant, readers=readers,
            runs=runs / name, out=measures / f"{name}.csv",
        )  # fmt: skip
    run(summarise, params=params, measures=measures, table=folder / "runs.csv")
    run(figures, plan=PLAN, runs=folder / "runs.csv", out=folder / "figures")
    return folder


@pytest.mark.slow
def test_table_has_every_measure_of_every_run(folder):
    rows = load_table(folder / "runs.csv")
    expected = [(name, seed) for name in load_study(PARAMS).variants for seed in SEEDS]
    assert list(zip(rows["variant"], rows["seed"], strict=True)) == expected
    assert list(rows.columns) == ["variant", "seed", *OF_A_VAE]
    assert rows.drop(columns=["swapped", "copied", "ablated"]).notna().all(axis=None)
    assert rows.groupby("variant")["squared_error"].nunique().eq(len(SEEDS)).all()


@pytest.mark.slow
def test_report_has_a_section_and_a_figure_for_each_claim(folder, tmp_path, monkeypatch):
    (tmp_path / STUDY).mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    (STUDY / "plan.yaml").write_bytes(PLAN.read_bytes())
    save_json(
        STUDY / REGISTRATION,
        {"commit": 40 * "0", "date": "2026-01-01T00:00:00Z", "sha256": {"plan.yaml": "0"}},
    )
    why = {"file": "plan.yaml", "date": "2026-01-02", "reason": "a typing error", "sha256": "1"}
    YAML().dump({"deviations": [why]}, STUDY / DEVIATIONS)
    run(
        report, params=folder / "params.yaml", plan=STUDY / "plan.yaml", runs=folder / "runs.csv",
        reader=folder / "reader.json", pilot=REPORTS / "pilot.csv",
        findings=folder / "findings.csv", render=(REPORTS / "template.md", folder / "report.md"),
    )  # fmt: skip
    text, plan = (folder / "report.md").read_text(), load_plan(PLAN, load_study(PARAMS).variants)
    for number, (name, claim) in enumerate(plan.claims.items(), start=1):
        assert f"\n## {number}. {claim.title}\n" in text
        assert f"](figures/{name}.png)" in text
        for part in claim.parts.values():
            assert part.says in text
    assert "| `plan.yaml` | 2026-01-02 | a typing error |" in text
    drawn = {path.name for path in (folder / "figures").iterdir()}
    assert drawn == {f"{name}.png" for name in plan.claims}
    findings = load_table(folder / "findings.csv")
    assert findings["part"].tolist() == list(plan.parts)
    for name, verdict in zip(findings["part"], findings["verdict"], strict=True):
        assert f"- {plan.parts[name].says} **{verdict.capitalize()}**: " in text

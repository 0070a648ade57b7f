import json
import re

import pandas as pd
import pytest

from grvae.base.errors import GrvaeError
from grvae.measure.metrics import METRICS
from grvae.measure.summary import runs_table, summary_over_seeds
from grvae.show.markdown import (
    load_template,
    write_count,
    write_estimate,
    write_number,
    write_percent,
    write_setting,
    write_signed,
)
from grvae.show.report import render_report
from tests.conftest import PROJECT
from tests.handmade import SCALARS

ARGMAX, ERROR = METRICS["argmax_accuracy"], METRICS["squared_error_per_image"]
TEMPLATE = load_template(PROJECT / "reports" / "template.md")
PUBLISHED = json.loads((PROJECT / "reports" / "published.json").read_text())
MANY_SEEDS = pd.DataFrame(
    {
        "trial": ["hinge"] * 6 + ["routed"],
        "argmax_accuracy": [0.9, 0.94, 0.94, 0.96, 0.96, 1.0, 0.1],
        "lowest_recall": [0.8, 0.9, 0.9, 0.9, 0.9, 0.9, 0.1],
        "squared_error_per_image": [10.0] * 7,
    }
)


def report(params, template=TEMPLATE, dataset="mnist", seeds=6, **accuracies):
    """What the template gives for variants whose seeds take turns between two accuracies."""
    found = {
        (variant, seed): SCALARS
        | {"argmax_accuracy": pair[seed % 2], "squared_error_per_image": 25 + 0.5 * seed}
        for variant, pair in accuracies.items()
        for seed in range(seeds)
    }
    table = runs_table(found)
    params = params.model_copy(
        update={"variants": list(accuracies), "seeds": list(range(seeds)), "dataset": dataset}
    )
    summary = {"classes": list("0123456789")} | summary_over_seeds(table, 0.92)
    resolved = params.resolve()
    return render_report(template, summary, table, params, resolved, PUBLISHED, MANY_SEEDS)


def test_numbers_come_from_the_metrics(params):
    text = report(params, routed=(0.95, 0.96), baseline=(0.1, 0.12))
    assert "`routed` (mask): the largest latent classifies 95.5 % (" in text
    assert "over 6 seeds" in text
    assert "10,000 test images" in text
    assert "| 6 (" in text  # runs with class collapse
    assert "The difference is +84.5 points" in text


@pytest.mark.parametrize(
    ("routed", "baseline", "verdict"),
    [
        ((0.95, 0.96), (0.10, 0.12), "The interval lies above 0: the hypothesis is supported."),
        ((0.10, 0.12), (0.95, 0.96), "The interval lies below 0: the hypothesis is contradicted."),
        ((0.50, 0.90), (0.60, 0.10), "The interval includes 0: no difference detected."),
    ],
)
def test_verdict_depends_on_the_interval(params, routed, baseline, verdict):
    text = report(params, routed=routed, baseline=baseline)
    assert verdict in text.partition("**The hypothesis**")[2]


def test_report_of_one_variant_has_no_hypothesis(params):
    assert "**The hypothesis**" not in report(params, baseline=(0.1, 0.12))


def test_published_numbers_and_many_seeds_stand_beside_results_on_the_same_dataset_only(params):
    on_mnist, on_digits = (
        report(params, routed=(0.95, 0.96), dataset=dataset) for dataset in ("mnist", "digits")
    )
    assert "| `routed` | mask | 95.5 %" in on_mnist
    of_many_seeds = "| `hinge` | loss | 95.0 % (90.0 % to 100.0 %) | 80.0 % |"
    headline = write_percent(PUBLISHED["headline"]["argmax_accuracy"], 2)
    for quoted in (of_many_seeds, headline, "*quoted:*"):
        assert quoted in on_mnist and quoted not in on_digits


def test_few_seeds_have_no_verdict(params):
    text = report(params, seeds=5, routed=(1, 1), baseline=(0, 0))
    assert "Fewer than six seeds have no interval, and so no verdict." in text
    assert "the hypothesis is" not in text


def test_template_types_no_result_by_hand():
    """Decimals outside of placeholders would be typed numbers."""
    prose = re.sub(r"\{[{%#].*?[}%#]\}", "", TEMPLATE, flags=re.DOTALL)
    assert not re.findall(r"\d+\.\d+", prose)
    assert set(re.findall(r"\d+ %", prose)) == {"95 %"}


@pytest.mark.parametrize(
    ("template", "complaint"),
    [
        ("one\n{{ nonsense }}", "template: 'nonsense' is undefined"),
        ("{{ metrics.routed.nonsense }}", "no attribute 'nonsense'"),
        ("one\n{% if %}", "line 2: "),
    ],
)
def test_bad_placeholder_is_named(params, template, complaint):
    with pytest.raises(GrvaeError, match=complaint):
        report(params, template=template, routed=(0.95, 0.96))


def test_numbers_are_written_in_one_way():
    assert write_percent(0.9549) == "95.5 %"
    assert write_number(-1.234) == "\N{MINUS SIGN}1.23"
    assert write_number(float("nan")) == "—"
    assert write_signed(0.5) == "+0.50"
    assert write_signed(-0.5) == "\N{MINUS SIGN}0.50"
    assert write_signed(-0.001) == "0.00"
    assert write_count(10000) == "10,000"
    assert write_setting(None, None) == "`null`"
    assert write_setting("none", "label") == "**`none`**"


def test_estimates_show_their_interval_where_they_have_one():
    interval = {"median": 0.5, "ci95_low": 0.25, "ci95_high": 0.75}
    assert write_estimate(interval, ARGMAX) == "50.0 % (25.0 % to 75.0 %)"
    assert write_estimate(interval, ERROR, is_difference=True) == "+0.50 (+0.25 to +0.75)"
    assert write_estimate(interval, ARGMAX, True) == "+50.0 points (+25.0 to +75.0)"
    assert write_estimate({"median": 0.5}, ARGMAX) == "50.0 %"
    assert write_estimate(None, ARGMAX) == "—"

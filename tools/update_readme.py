"""Copy `reports/results.md` into the README, between its two markers."""

from pathlib import Path

START, END = "<!-- results -->\n", "<!-- /results -->\n"


def with_results(readme: str, results: str) -> str:
    """The README with the results between its markers."""
    before, rest = readme.split(START)
    _, after = rest.split(END)
    return f"{before}{START}\n{results.strip()}\n\n{END}{after}"


if __name__ == "__main__":
    project = Path(__file__).parent.parent
    readme, results = project / "README.md", project / "reports" / "results.md"
    readme.write_text(with_results(readme.read_text(), results.read_text()))

"""Copy what was measured into the README, each between a pair of markers of its own."""

from pathlib import Path

PROJECT = Path(__file__).parent.parent
BLOCKS = {
    "results": PROJECT / "reports" / "results.md",
    "race": PROJECT / "reports" / "benchmark" / "race.md",
    "fanout": PROJECT / "reports" / "fanout" / "speedup.md",
    "cost": PROJECT / "reports" / "benchmark" / "summary.md",
}


def with_blocks(readme: str) -> str:
    """The README with every block as it was last measured."""
    for name, file in BLOCKS.items():
        start, end = f"<!-- {name} -->\n", f"<!-- /{name} -->\n"
        before, rest = readme.split(start)
        _, after = rest.split(end)
        readme = f"{before}{start}\n{file.read_text().strip()}\n\n{end}{after}"
    return readme


if __name__ == "__main__":
    readme = PROJECT / "README.md"
    readme.write_text(with_blocks(readme.read_text()))

"""Copy what was measured into the README, each between a pair of markers of its own."""

from pathlib import Path

PROJECT = Path(__file__).parent.parent
BLOCKS = {
    "results": PROJECT / "reports" / "results.md",
    "race": PROJECT / "reports" / "benchmark" / "race.md",
    "fanout": PROJECT / "reports" / "fanout" / "speedup.md",
    "cost": PROJECT / "reports" / "benchmark" / "summary.md",
    "claims": PROJECT / "reports" / "claims" / "report.md",
}


def with_blocks(readme: str) -> str:
    """The README with every block as it was last measured."""
    for name, file in BLOCKS.items():
        start, end = markers(name)
        before, rest = readme.split(start)
        _, after = rest.split(end)
        readme = f"{before}{start}\n{read_block(name, file)}\n\n{end}{after}"
    return readme


def read_block(name: str, file: Path) -> str:
    """What is between the block's markers in a file; all of it, if it has none."""
    start, end = markers(name)
    text = file.read_text()
    if start in text:
        text = text.split(start)[1].split(end)[0]
    return text.strip()


def markers(name: str) -> tuple[str, str]:
    """The lines around a block."""
    return f"<!-- {name} -->\n", f"<!-- /{name} -->\n"


if __name__ == "__main__":
    readme = PROJECT / "README.md"
    readme.write_text(with_blocks(readme.read_text()))

"""Copy what was measured into README and docs, each between a pair of markers of its own."""

from pathlib import Path

PROJECT = Path(__file__).parent.parent
# By page, the name of each block and the file that it comes from.
PAGES = {
    "README.md": {
        "results": "reports/results.md",
        "claims": "studies/reports/claims.md",
    },
    "docs/costs.md": {
        "race": "reports/benchmark/race.md",
        "cost": "reports/benchmark/summary.md",
        "memory": "reports/benchmark/memory.md",
    },
    "docs/routing.md": {"seeds": "reports/many_seeds/summary.md"},
    "docs/more-machines.md": {"fanout": "reports/fanout/speedup.md"},
}


def with_blocks(page: str) -> str:
    """A page with every block as it was last measured."""
    text = (PROJECT / page).read_text()
    for name, file in PAGES[page].items():
        start, end = markers(name)
        before, rest = text.split(start)
        _, after = rest.split(end)
        text = f"{before}{start}\n{read_block(name, PROJECT / file)}\n\n{end}{after}"
    return text


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
    for page in PAGES:
        (PROJECT / page).write_text(with_blocks(page))

"""Copy what was measured into README and docs, each between a pair of markers of its own."""

import re
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
    """A page with every block as it was last measured.

    Of a file with markers of the block's name, what is between them; else all of it.
    """
    text = (PROJECT / page).read_text()
    for name, file in PAGES[page].items():
        block = re.compile(f"(?<=<!-- {name} -->\n).*(?=<!-- /{name} -->\n)", re.DOTALL)
        measured = (PROJECT / file).read_text()
        found = block.search(measured)
        written = f"\n{(found[0] if found else measured).strip()}\n\n"
        place = block.search(text)
        assert place, f"{page}: no markers of {name}"
        text = text[: place.start()] + written + text[place.end() :]
    return text


if __name__ == "__main__":
    for page in PAGES:
        (PROJECT / page).write_text(with_blocks(page))

"""Pages that show what was measured, each filled from a template beside it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from grvae.base.storage import write_atomically
from grvae.show.markdown import load_template, render_template


def write_page(page: Path, context: Mapping[str, Any]) -> None:
    """Write `NAME.md` from `NAME_template.md`."""
    template = load_template(page.with_name(f"{page.stem}_template.md"))
    write_atomically(page, render_template(template, context).encode())

"""Remove what a kill can leave in DVC's own records: a half-written lock file.

DVC writes `.dvc/tmp/rwlock` in place; killed in that moment, it leaves an empty or torn file and
then refuses to start ("JSON structure is corrupted"). The file only says which processes read and
write what at present, so a torn one says nothing.
"""

import json
from pathlib import Path

LOCK = Path(".dvc") / "tmp" / "rwlock"


def mend(lock: Path) -> bool:
    """Delete the lock file if it is not whole; says whether it did."""
    try:
        json.loads(lock.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return False
    except ValueError:
        lock.unlink()
        return True
    return False


if __name__ == "__main__":
    if mend(LOCK):
        print(f"removed {LOCK}, which a killed process had left half-written")

"""The folder that a unit runs in: the caller's project, set up for a worker."""

import os
from collections.abc import Mapping
from pathlib import Path

from configobj import ConfigObj

from fanout.job import Job, Remote
from fanout.pipeline import MAIN_FILE, Unit, file_of
from fanout.snapshot import unpack

# Folders that DVC does not track and git ignores. Where the worker sees the caller's, it uses them:
# a run that was killed goes on from its checkpoint, on whichever worker it is tried again.
UNTRACKED_FOLDERS = ("checkpoints", "logs")


def make_work_folder(folder: Path, job: Job, archive: bytes) -> None:
    """Unpack the caller's project, and point its DVC at where results are exchanged."""
    unpack(archive, folder)
    settings = {
        **job.settings,
        "core.no_scm": "true",
        "core.analytics": "false",
        "core.site_cache_dir": str(folder / ".dvc" / "tmp" / "site"),
    }
    match job.exchange:
        case Remote(name, _):
            settings |= {"core.remote": name}
        case cache:
            settings |= {"cache.dir": str(cache)}
            for shared in UNTRACKED_FOLDERS:
                # Not so for another user, even where the folder is seen.
                if os.access(job.project, os.W_OK) and not (folder / shared).exists():
                    (job.project / shared).mkdir(exist_ok=True)
                    (folder / shared).symlink_to(job.project / shared)
    write_settings(folder / ".dvc" / "config.local", settings)


def drop_other_pipelines(folder: Path, unit: Unit) -> None:
    """Remove pipelines of which the unit needs nothing: each DVC command would read them."""
    needed = {file_of(stage) for stage in (*unit.inputs, *unit.restores, *unit.stages)}
    for path in list(folder.rglob(MAIN_FILE)):
        if path.relative_to(folder).as_posix() not in needed:
            path.unlink()
            path.with_suffix(".lock").unlink(missing_ok=True)


def write_settings(path: Path, settings: Mapping[str, str]) -> None:
    """Write settings of DVC, given by their dotted names, as DVC reads them."""
    file = ConfigObj(encoding="utf-8", interpolation=False)
    for name, value in settings.items():
        section, _, option = name.rpartition(".")
        kind, _, of = section.partition(".")
        file.setdefault(f'{kind} "{of}"' if of else kind, {})[option] = value
    with path.open("wb") as stream:
        file.write(stream)

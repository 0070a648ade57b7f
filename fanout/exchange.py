"""Where caller and workers exchange the project, inputs and results, and under which settings."""

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from fanout.commands import ask_dvc, run_dvc
from fanout.job import Remote, meeting_place
from fanout.pipeline import Unit
from grvae.base.errors import GrvaeError

# Settings of DVC's remotes that open something.
SECRETS = {
    "access_key_id", "account_key", "account_name", "client_secret", "connection_string",
    "gdrive_client_secret", "gdrive_service_account_json_file_path", "oss_key_id",
    "oss_key_secret", "password", "sas_token", "secret_access_key", "session_token", "token",
}  # fmt: skip

# A link to what a caller keeps in the shared cache folder, for the next one if this one is killed.
KEPT = Path(".dvc") / "tmp" / "at-workers"

Settings = Mapping[str, str]  # of DVC, by their dotted names


@contextlib.contextmanager
def open_exchange(
    folder: Path,
    units: list[Unit],
    archive: bytes,
    job: str,
    settings: Settings,
    remote: str | None,
) -> Iterator[Path | Remote]:
    """Where workers find the project and their inputs, and leave their results."""
    if remote is not None:
        run_dvc(folder, "push", *sorted({name for unit in units for name in unit.inputs}))
        yield Remote(remote, archive)
        return
    # As `dvc cache dir` says, without its second.
    cache = Path(settings.get("cache.dir", folder / ".dvc" / "cache"))
    path, kept = meeting_place(cache, job), folder / KEPT
    try:
        remove_kept(kept)
        kept.symlink_to(path)
        new = not path.parent.is_dir()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(archive)
        mode = cache.stat().st_mode  # the workers may be other users, in a group
        path.chmod(mode & 0o666)
        if new:
            path.parent.chmod(mode)
    except OSError as error:
        raise GrvaeError(f"cannot write {path}: {error.strerror}") from error
    try:
        yield cache
    finally:
        remove_kept(kept)


def remove_kept(kept: Path) -> None:
    """Remove what a link says that a caller keeps, and the link."""
    if kept.is_symlink():
        with contextlib.suppress(OSError):  # another cache folder, that is seen no more
            kept.readlink().unlink(missing_ok=True)
        kept.unlink()


def read_settings(folder: Path) -> Settings:
    """All settings of the project's DVC, of whichever level; paths in them are absolute."""
    return dict(line.split("=", 1) for line in ask_dvc(folder, "config", "--list").splitlines())


def default_remote(settings: Settings) -> str:
    """The name of the remote that DVC uses unless told otherwise."""
    if "core.remote" not in settings:
        raise GrvaeError("--via-remote needs a default remote: `dvc remote add -d`")
    return settings["core.remote"]


def settings_for_workers(settings: Settings, remote: str | None) -> Settings:
    """Those that a worker's DVC shares; credentials are not sent, a worker has its own."""
    return {
        name: value
        for name, value in settings.items()
        if name == "core.hardlink_lock"
        or (name.startswith("cache.") and name != "cache.dir")
        or (name.startswith(f"remote.{remote}.") and name.rpartition(".")[2] not in SECRETS)
    }

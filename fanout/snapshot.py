"""The project as it stands, packed so that a worker computes from exactly the caller's files."""

import hashlib
import io
import os
import subprocess
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from grvae.base.errors import GrvaeError


@dataclass(frozen=True)
class Snapshot:
    """The files that git tracks or would track, committed or not, as they are on disk.

    Attributes:
        archive: an uncompressed tar; equal files give equal bytes.
        files: the SHA-256 of each file by its name.
    """

    archive: bytes
    files: Mapping[str, str]

    @property
    def identity(self) -> str:
        """The same for equal projects, wherever they are and whatever has been run in them."""
        files = {
            name: digest for name, digest in self.files.items() if Path(name).name != "dvc.lock"
        }
        return hashlib.sha256(repr(sorted(files.items())).encode()).hexdigest()

    def differences(self, other: "Snapshot") -> list[str]:
        """The names of the files that are not the same in both."""
        names = self.files.keys() | other.files.keys()
        return sorted(name for name in names if self.files.get(name) != other.files.get(name))


def take_snapshot(folder: Path) -> Snapshot:
    """Pack the project's files: all but what git ignores.

    Raises:
        GrvaeError: there is no git repository, or a file cannot be read or packed.
    """
    buffer, files = io.BytesIO(), {}
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name in list_files(folder):
            path = folder / name
            member = tarfile.TarInfo(name)
            content = b""
            if path.is_symlink():
                member.type, member.linkname = tarfile.SYMTYPE, str(path.readlink())
            elif path.is_dir():
                raise GrvaeError(f"{name}: a repository in the project cannot go to the workers")
            elif path.is_file() and (found := read_if_there(path)) is not None:
                content = found
                member.mode = 0o755 if path.stat().st_mode & 0o100 else 0o644
            else:
                continue  # deleted, but git does not know yet
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
            files[name] = hashlib.sha256(content + os.fsencode(member.linkname)).hexdigest()
    return Snapshot(buffer.getvalue(), files)


def unpack(archive: bytes, folder: Path) -> None:
    """Write the files of a snapshot to a folder."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        files.extractall(folder, filter="tar")


def list_files(folder: Path) -> list[str]:
    """The names of all files that git tracks or would track.

    Raises:
        GrvaeError: git cannot list them.
    """
    result = run_git(folder, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    if result.returncode != 0:
        raise GrvaeError(f"cannot list the project's files: {reason(result.stderr)}")
    return sorted(set(os.fsdecode(result.stdout).split("\0")) - {""})


def run_git(folder: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """Run git to its end; what it prints are bytes, as file names are.

    Raises:
        GrvaeError: there is no git.
    """
    try:
        return subprocess.run(["git", *arguments], cwd=folder, capture_output=True)
    except FileNotFoundError as error:
        raise GrvaeError("git is not installed, or not in PATH") from error


def reason(output: bytes) -> str:
    """What git says in the end, or in the beginning if advice follows."""
    lines = os.fsdecode(output).strip().splitlines() or ["no message"]
    return next((line for line in lines if line.startswith("fatal: ")), lines[-1])


def read_if_there(path: Path) -> bytes | None:
    """A file's content; None if there is no such file.

    Raises:
        GrvaeError: it cannot be read.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise GrvaeError(f"cannot read {path}: {error.strerror}") from error

"""The workers: a Dask scheduler that somebody has started, or one of this machine."""

import contextlib
import logging
import re
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import dask
from distributed import Client, LocalCluster

from grvae.base.errors import GrvaeError

# Of a scheduler and workers that are started here.
LOCAL_SETTINGS = {
    # No unit waits behind another one while a worker is idle.
    "distributed.scheduler.worker-saturation": 1.0,
    # What Dask watches of itself takes a seventh of a core from two stages' processes.
    "distributed.worker.profile.enabled": False,
    "distributed.admin.tick.interval": "500ms",
    "distributed.admin.system-monitor.interval": "5s",
}
CONNECT_TIMEOUT = "5s"
# Ctrl-C reaches all processes of a terminal; the workers end when the caller tells them.
IGNORE_INTERRUPT = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)"

ADDRESS = re.compile(r"((tcp|tls|ws|wss)://)?[^/:]+:\d+|((tcp|tls|ws|wss)://)?\[[^]]+\]:\d+")
CERTIFICATES = ("ca-file", "client.cert")
# What Dask raises, besides errors of its own, where it cannot start: no loopback, a preload that
# does not exist, certificates that do not fit.
CANNOT_START = (OSError, ValueError, TypeError, RuntimeError, ImportError)


@dataclass(frozen=True)
class Workers:
    """Which workers to use.

    Attributes:
        processes: how many to start on this machine, if there is no scheduler.
        scheduler: the address of a Dask scheduler that has its own.
        threads: of each stage's process.
    """

    processes: int
    scheduler: str | None
    threads: int


@contextlib.contextmanager
def connect(folder: Path, workers: Workers) -> Iterator[Client]:
    """A client of the given scheduler, or of one started here with its workers."""
    # Dask's tracebacks: what they mean for the user is said below.
    logging.disable(logging.CRITICAL)
    with contextlib.ExitStack() as stack:
        try:
            if workers.scheduler is not None:
                client = stack.enter_context(find_scheduler(workers.scheduler))
            else:
                stack.enter_context(dask.config.set(LOCAL_SETTINGS))
                cluster = LocalCluster(
                    n_workers=workers.processes,
                    threads_per_worker=1,
                    memory_limit=None,
                    dashboard_address=None,
                    local_directory=str(folder / ".dvc" / "tmp"),
                    silence_logs=logging.ERROR,
                    preload=[IGNORE_INTERRUPT],
                    security=True,  # or any user of this machine could run code as this one
                )
                stack.enter_context(cluster)
                client = stack.enter_context(Client(cluster, set_as_default=False))
        except CANNOT_START as error:
            raise GrvaeError(f"Dask does not start: {root_cause(error)}") from error
        yield client


def check_address(address: str) -> None:
    """Refuse what cannot be a scheduler's address, before anything runs."""
    if not ADDRESS.fullmatch(address):
        raise GrvaeError(f"--scheduler: got {address!r}, should be like tcp://10.0.0.1:8786")
    certificates = [dask.config.get(f"distributed.comm.tls.{name}") for name in CERTIFICATES]
    if address.startswith("tls:") and not all(
        name and Path(name).exists() for name in certificates
    ):
        raise GrvaeError(
            f"--scheduler: got {address!r} and, as certificates, {certificates}; "
            "set these to files: DASK_DISTRIBUTED__COMM__TLS__CA_FILE, "
            "..__TLS__CLIENT__CERT and ..__TLS__CLIENT__KEY"
        )


def find_scheduler(address: str) -> Client:
    """A client of a cluster that somebody else has started."""
    try:
        return Client(address, timeout=CONNECT_TIMEOUT, set_as_default=False)
    except OSError as error:
        if isinstance(error, FileNotFoundError | PermissionError | ssl.SSLError):
            raise  # a certificate of ours
        raise GrvaeError(f"no Dask scheduler answers at {address}") from error


def root_cause(error: BaseException) -> str:
    """What an error says that others may have wrapped."""
    while error.__cause__ is not None:
        error = error.__cause__
    return f"{type(error).__name__}: {error}"


def count_workers(client: Client) -> int:
    """How many units can run at a time.

    Raises:
        GrvaeError: the scheduler does not answer.
    """
    try:
        return sum(client.nthreads().values())
    except OSError as error:
        raise GrvaeError(
            "the Dask scheduler is gone; what was finished is kept, run the same command to go on"
        ) from error

"""The cores and the memory that this process may use: the machine's, or less in a container."""

import os
from pathlib import Path

import psutil

CGROUPS = Path("/sys/fs/cgroup")


def count_cores(root: Path = CGROUPS) -> int:
    """Cores by affinity and by the quota of the cgroup, at least one."""
    cores = len(os.sched_getaffinity(0))
    quota = read_words(root, "", "cpu.max")
    if not quota:
        names = ("cpu.cfs_quota_us", "cpu.cfs_period_us")
        quota = [word for name in names for word in read_words(root, "cpu", name)]
    if len(quota) == 2 and quota[0] not in ("max", "-1"):
        cores = min(cores, int(quota[0]) // int(quota[1]))
    return max(1, cores)


def free_memory(root: Path = CGROUPS) -> int:
    """Bytes that can be had without swapping: the machine's, or those left to the cgroup."""
    free = psutil.virtual_memory().available
    for controller, limit, usage in (
        ("", "memory.max", "memory.current"),
        ("memory", "memory.limit_in_bytes", "memory.usage_in_bytes"),
    ):
        words = [*read_words(root, controller, limit), *read_words(root, controller, usage)]
        if len(words) == 2 and words[0] != "max":
            free = min(free, int(words[0]) - int(words[1]))
    return max(0, free)


def read_words(root: Path, controller: str, name: str) -> list[str]:
    """The words in a file of this process's cgroup; none where there is no such file."""
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if controller in controllers.split(","):
            # In a container the path is often that outside of it.
            for folder in (root / controller / path.lstrip("/"), root / controller):
                if (folder / name).is_file():
                    return (folder / name).read_text().split()
    return []


def processes_that_fit(processes: int, memory: float, free: float) -> int:
    """How many processes of so many bytes each fit into what is free: some, at least one."""
    return max(1, min(processes, int(free // memory)))

"""What DVC says of the pipeline: its graph, what is stale, and so what can run side by side."""

import json
import re
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path

from fanout.commands import ask_dvc

MAIN_FILE = "dvc.yaml"

# Every stage with the stages that it depends on, in the order of dvc.yaml.
Graph = Mapping[str, Collection[str]]


@dataclass(frozen=True)
class Unit:
    """Stages that one worker runs.

    Attributes:
        stages: in the order in which they run.
        inputs: other stages whose outputs are there before any unit runs.
        restores: stages of other units, which it waits for and takes from the run-cache.
    """

    stages: tuple[str, ...]
    inputs: tuple[str, ...]
    restores: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What it is called in messages."""
        return ", ".join(self.stages)


def read_graph(folder: Path) -> Graph:
    """The project's graph of stages."""
    graph: dict[str, list[str]] = {}
    for line in ask_dvc(folder, "dag", "--dot").splitlines():
        match re.findall(r'"([^"]+)"', line):
            case [stage]:
                graph.setdefault(stage, [])
            case [parent, stage]:
                graph[stage].append(parent)
    return graph


def read_stale(folder: Path) -> set[str]:
    """The stages that DVC finds changed as they stand, before anything upstream of them runs."""
    return set(json.loads(ask_dvc(folder, "status", "--json")))


def split_upstream(graph: Graph, file: str) -> tuple[list[str], list[str]]:
    """Which stages run before the fan-out, and which can then run apart from the rest.

    Apart from the rest run the stages of a matrix, with those that follow in the same row, and
    whatever else waits for none of them. A stage of a matrix that several others wait for, as they
    do for the data of a variant, is no row: it runs before. What gathers them and all that follows
    is left to DVC.
    A graph without a matrix has nothing to fan out.

    Args:
        graph: all stages.
        file: the dvc.yaml whose stages are fanned out.

    Returns:
        The stages upstream of a matrix, and those that can run apart; both sorted so that each
        stands after what it depends on.
    """
    order = list(TopologicalSorter(graph).static_order())
    early: set[str] = set()  # no row among what they depend on
    rows: set[str] = set()
    shared = needed_by_several(graph)
    for stage in order:
        if stage in shared and early.issuperset(graph[stage]):
            early.add(stage)
        elif (
            "@" in stage
            and file_of(stage) == file
            and all(parent in early or parent in rows for parent in graph[stage])
        ):
            rows.add(stage)
        elif "@" not in stage and early.issuperset(graph[stage]):
            early.add(stage)
    if not rows:
        return [], []
    upstream = {stage for row in rows for stage in ancestors(graph, row)} & early
    apart = {stage for stage in rows | early - upstream if file_of(stage) == file}
    return [stage for stage in order if stage in upstream], [s for s in order if s in apart]


def needed_by_several(graph: Graph) -> set[str]:
    """The stages of a matrix that more than one other stage of a matrix depends on directly."""
    needed = Counter(parent for stage in graph if "@" in stage for parent in graph[stage])
    return {stage for stage, count in needed.items() if "@" in stage and count > 1}


def file_of(stage: str) -> str:
    """The file that a stage stands in, a dvc.yaml or a .dvc file; DVC names all but ./dvc.yaml."""
    file, colon, _ = stage.rpartition(":")
    return file if colon else stage if stage.endswith(".dvc") else MAIN_FILE


def ancestors(graph: Graph, stage: str) -> set[str]:
    """All that a stage depends on, directly or through others."""
    found: set[str] = set()
    waiting = set(graph[stage])
    while waiting:
        found |= waiting
        waiting = {parent for name in waiting for parent in graph[name]} - found
    return found


def plan_units(graph: Graph, apart: Collection[str], stale: Collection[str]) -> list[Unit]:
    """Sort the stale stages into units, each after those that it waits for.

    A stage goes on where the stage that it depends on has run; one that gathers several units is a
    unit of its own.

    Args:
        graph: all stages.
        apart: those that can run apart, each after what it depends on; see `split_upstream`.
        stale: those that DVC finds changed.
    """
    groups: list[list[str]] = []
    group_of: dict[str, list[str]] = {}
    for stage in apart:
        due_parents = [parent for parent in graph[stage] if parent in group_of]
        if stage not in stale and not due_parents:
            continue
        first, *others = [group_of[parent] for parent in due_parents] or [[]]
        group = [] if any(other is not first for other in others) else first
        if not group:
            groups.append(group)
        group.append(stage)
        group_of[stage] = group
    return [make_unit(graph, list(group_of), group) for group in groups]


def make_unit(graph: Graph, due: Collection[str], stages: Collection[str]) -> Unit:
    """A unit of these stages; `due` are the stages of all units, in the order of their running."""
    needed = {stage for name in stages for stage in ancestors(graph, name)}
    restores = [stage for stage in due if stage in needed and stage not in stages]
    run = [*restores, *stages]
    inputs = [parent for stage in run for parent in graph[stage] if parent not in run]
    return Unit(tuple(stages), tuple(dict.fromkeys(inputs)), tuple(restores))


def plan(
    graph: Graph, file: str, stale: Collection[str]
) -> tuple[list[str], list[Unit], list[str]]:
    """What a fan-out runs before, on and after the workers, if nothing fails.

    A stage after a stale one is counted; DVC skips it where its inputs come out as they were.
    """
    order = list(TopologicalSorter(graph).static_order())
    due: set[str] = set()
    for stage in order:
        if stage in stale or due.intersection(graph[stage]):
            due.add(stage)
    upstream, apart = split_upstream(graph, file)
    units = plan_units(graph, apart, due)
    first = [stage for stage in upstream if stage in due]
    elsewhere = {*first, *(stage for unit in units for stage in unit.stages)}
    own = {stage for stage in graph if file_of(stage) == file}
    wanted = own | {stage for name in own for stage in ancestors(graph, name)}
    return first, units, [s for s in order if s in wanted & due and s not in elsewhere]

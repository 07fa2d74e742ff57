"""Calculating in a process of its own: `python -m segment_service.learning <folder>`; see `work` for the files there.

Ends when its standard input is closed, so that it does not outlive the service that asked.
"""

import os
import sys
import threading
from pathlib import Path
from uuid import uuid4

import msgspec
import numpy as np
import pandas as pd

from segment_service.learning import work
from segment_service.learning.groups import NothingToGroup, find_groups, same_groups
from segment_service.learning.likeness import NotEnoughToLearn, learn
from segment_service.learning.words import contrast, marks_of, names_of, sizes_of

_DRIVERS = 8


def _main(folder: Path) -> None:
    threading.Thread(target=_end_with_the_service, daemon=True).start()
    options = msgspec.json.decode((folder / work.OPTIONS).read_bytes(), type=work.Options)
    table = pd.read_parquet(folder / work.TABLE)
    profiles, marks = table.pop("profile_id"), table.pop("mark")
    result: work.Result
    try:
        if isinstance(options, work.GroupOptions):
            result, rows = _groups(table, marks, options)
        else:
            result, rows = _likeness(table, marks)
        rows.insert(0, "profile_id", profiles.to_numpy())
        rows.to_csv(folder / work.ROWS, index=False, header=False)
    except (NothingToGroup, NotEnoughToLearn) as error:
        result = work.NoResult(str(error))
    (folder / work.RESULT).write_bytes(msgspec.json.encode(result))


def _groups(
    table: pd.DataFrame, marks: pd.Series, options: work.GroupOptions
) -> tuple[work.GroupsResult, pd.DataFrame]:
    grouping = find_groups(table, most=options.most, wanted=options.groups)
    before = same_groups(grouping.labels, marks.astype("object").where(marks.notna(), None).to_numpy())
    sizes = sizes_of(grouping.labels)
    apart = [marks_of(table, grouping, label) for label in range(len(sizes))]
    names = _names([options.names.get(before.get(label, "")) for label in range(len(sizes))], names_of(apart))
    keys = [before.get(label) or uuid4().hex[:8] for label in range(len(sizes))]
    groups = [
        work.GroupFound(
            key=keys[label],
            name=names[label],
            continues=label in before,
            size=size,
            share=size / len(table),
            description="; ".join(mark.words for mark in apart[label]),
            marks=[
                work.MarkFound(each.column, each.difference, each.median, each.median_of_all, each.words)
                for each in apart[label]
            ],
        )
        for label, size in enumerate(sizes)
    ]
    result = work.GroupsResult(
        customers=len(table),
        features=[scale.name for scale in grouping.scales],
        chosen=len(sizes),
        clear=grouping.clear,
        stability=grouping.stability,
        tried=[work.TriedNumber(each.groups, each.strength, each.smallest) for each in grouping.candidates],
        groups=groups,
    )
    return result, pd.DataFrame({"key": np.array(keys, dtype=object)[grouping.labels]})


def _names(kept: list[str | None], found: list[str]) -> list[str]:
    """Earlier names go on; a new group's name gets a number where it is taken."""
    taken = {name for name in kept if name}
    names = []
    for earlier, name in zip(kept, found, strict=True):
        chosen, number = earlier or name, 2
        while not earlier and chosen in taken:
            chosen, number = f"{name} ({number})", number + 1
        taken.add(chosen)
        names.append(chosen)
    return names


def _likeness(table: pd.DataFrame, marks: pd.Series) -> tuple[work.LikenessResult, pd.DataFrame]:
    sought = marks.to_numpy(dtype=np.bool_)
    found = learn(table, sought)
    result = work.LikenessResult(
        customers=len(table),
        seeds=int(sought.sum()),
        features=[str(name) for name in table.columns],
        model=found.model,
        areas={str(kind): areas for kind, areas in found.areas.items()},
        gains=[
            work.DecileFound(each.number, each.customers, each.found, each.rate, each.lift, each.cumulative_share)
            for each in found.gains
        ],
        drivers=[
            work.DriverFound(each.column, each.weight, contrast(table, sought, each.column))
            for each in found.drivers[:_DRIVERS]
        ],
    )
    place = np.empty(len(table), dtype=np.int64)
    # Those sought already are not ranked; ties lie in the order of the table.
    rest = np.flatnonzero(~sought)
    place[:] = 0
    place[rest[np.argsort(-found.scores[rest], kind="stable")]] = np.arange(1, len(rest) + 1)
    return result, pd.DataFrame({"score": found.scores.round(6), "place": place})


def _end_with_the_service() -> None:
    # Not through sys.stdin, whose lock would be held when this process ends by itself.
    while os.read(0, 4096):
        pass
    os._exit(1)


if __name__ == "__main__":
    _main(Path(sys.argv[1]))

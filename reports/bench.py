"""How fast training is, and the whole chain from nothing to a report: `make bench`.

Speeds of training are ratios within one run: of the engine (`glo_core.training`) and of an ensemble
of `torch.func`, over the exercise's plain loop. Times of the chain are also given in steps of the
plain loop, so that machines can be compared.

Each number is measured in a fresh process, as a user's would be: where a process has freed large
memory before, its allocator is faster ever after, for the plain loop more than for others. What is
compared takes turns, several times, so that a noisy machine disturbs both sides. Prints a table and
writes reports/build/bench.json.

    python -m reports.bench            as `make bench`, in some minutes
    python -m reports.bench --full     with the full report beside the quick one
    python -m reports.bench --short    in seconds and in one process, only to see that it works
"""

import argparse
import json
import platform
import statistics
import sys
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from typing import Any

import torch
from tqdm import tqdm

from glo_core.provenance import ROOT
from glo_core.runs.files import write_text
from glo_core.stacked import MULTIPLICATIONS
from reports.chain import BenchError, run
from reports.timings import TIMINGS

BATCH = 32
# A function of `timings` and its arguments.
Timing = tuple[str | int, ...]
# Takes a timing: see `fresh` and `here`.
Take = Callable[[Timing], dict[str, float]]


@dataclass(frozen=True)
class Bench:
    """How much is measured.

    Fields:
        turns: How often each number is measured.
        images: How many images the models are trained on.
        models: Sizes of sweeps, rising: few, some, and all.
        epochs: Lengths of sweeps, rising.
        many: Numbers of images that content codes are moved for.
        threads: Numbers of threads, rising.
        reports: Names of the reports that are built from nothing, once.
        lab: Whether the lab is opened, once.
    """

    turns: int
    images: int
    models: tuple[int, int, int]
    epochs: tuple[int, ...]
    many: tuple[int, ...]
    threads: tuple[int, ...]
    reports: tuple[str, ...] = ()
    lab: bool = False

    def sweep(self, models: int, epochs: int, threads: int) -> Timing:
        """The timing of a sweep."""
        return ("swept", self.images, models, epochs, threads)

    @property
    def scaling(self) -> dict[str, dict[int, Timing]]:
        """What is varied, and the timing of each of its values."""
        _, some, _ = self.models
        longest, most = self.epochs[-1], self.threads[-1]
        return {
            "models": {n: self.sweep(n, longest, most) for n in self.models},
            "epochs": {n: self.sweep(some, n, most) for n in self.epochs},
            "images": {n: ("bare", n) for n in self.many},
            "threads": {n: self.sweep(some, 1, n) for n in self.threads},
        }

    @property
    def plain(self) -> list[Timing]:
        """The timings of the plain loop, which is as fast as the fastest of them."""
        return [("plain", self.images, n) for n in self.threads]

    @property
    def ensemble(self) -> list[Timing]:
        """The timings of the ensemble, likewise."""
        return [("ensembled", self.images, self.models[0], n) for n in self.threads]

    @property
    def peak(self) -> Timing:
        """The timing of matrix products."""
        return ("peak", self.threads[-1])

    @property
    def timings(self) -> list[Timing]:
        """Everything that takes turns, each once."""
        scaling = [timing for row in self.scaling.values() for timing in row.values()]
        return list(dict.fromkeys([self.peak, *self.plain, *self.ensemble, *scaling]))


def here(timing: Timing) -> dict[str, float]:
    """A timing in this process."""
    name, *values = timing
    return TIMINGS[str(name)](*values)


def fresh(timing: Timing) -> dict[str, float]:
    """A timing in a process of its own. Raises BenchError with the process' words if it fails."""
    _, printed = run(ROOT, "-m", "reports.timings", *map(str, timing))
    found: dict[str, float] = json.loads(printed)
    return found


def medians(bench: Bench, take: Take) -> dict[Timing, dict[str, float]]:
    """All timings, each the median over turns."""
    found: dict[Timing, list[dict[str, float]]] = {timing: [] for timing in bench.timings}
    turns = list(product(range(bench.turns), found))
    for _, timing in tqdm(turns, desc="measuring", unit="time"):
        found[timing].append(take(timing))
    return {
        timing: {name: statistics.median(each[name] for each in results) for name in results[0]}
        for timing, results in found.items()
    }


def measured(bench: Bench, take: Take) -> dict[str, Any]:
    """All numbers of bench.json, measured by `take`."""
    # First: a process starts with its parent's peak.
    memory = take(("memory", bench.images, bench.models[-1]))
    median = medians(bench, take)
    *_, whole_sweep = bench.scaling["models"].values()
    plain, ensemble = (
        min(median[timing]["seconds"] for timing in timings)
        for timings in (bench.plain, bench.ensemble)
    )
    step, peak = median[whole_sweep]["seconds"], median[bench.peak]["seconds"]
    # What the engine needs is less than what the others do; backward counts as twice forward.
    at_peak = 3 * MULTIPLICATIONS * BATCH * peak
    return {
        "ratio_vs_plain": plain / step,
        "ensemble_ratio_vs_plain": plain / ensemble,
        "peak_fraction": at_peak / step,
        "ensemble_peak_fraction": at_peak / ensemble,
        "plain_peak_fraction": at_peak / plain,
        "overhead_fraction": 1 - median[whole_sweep]["stepping"],
        "peak_memory_mb": memory["mebibytes"],
        "plain_ms_a_step": 1e3 * plain,
        "ensemble_ms_a_step": 1e3 * ensemble,
        "engine_ms_a_step": 1e3 * step,
        "chain": chain(bench, take, plain),
        "scaling": {
            name: [{name: n, **milliseconds(median[timing])} for n, timing in row.items()]
            for name, row in bench.scaling.items()
        },
        "machine": {
            "threads": bench.threads[-1],
            "processor": platform.machine(),
            "system": platform.system(),
            "torch": torch.__version__,
            "gigaflops": 2e-9 / peak,
        },
    }


def chain(bench: Bench, take: Take, plain: float) -> dict[str, Any]:
    """Times from nothing in seconds and in steps of the plain loop, which take `plain` seconds.

    Of each report, also by part, with the part's proportion, and of a second build.
    """

    def times(seconds: float) -> dict[str, float]:
        return {"seconds": seconds, "plain_steps": seconds / plain}

    found: dict[str, Any] = {}
    if bench.lab:
        found["lab"] = times(take(("lab",))["seconds"])
    for name in tqdm(bench.reports, desc="building", unit="report"):
        parts = take(("report", name))
        second_build, total = parts.pop("second_build"), sum(parts.values())
        found[name] = {
            **times(total),
            "parts": {
                part: {**times(seconds), "proportion": seconds / total}
                for part, seconds in parts.items()
            },
            "second_build": times(second_build),
        }
    return found


def milliseconds(timing: dict[str, float]) -> dict[str, float]:
    """The milliseconds a step: of both ways to move content codes where they were compared."""
    if "seconds" in timing:
        return {"ms_a_step": 1e3 * timing["seconds"]}
    return {f"{name}_ms_a_step": 1e3 * value for name, value in timing.items()}


def table(result: dict[str, Any]) -> str:
    """The numbers as lines of text."""
    models = result["scaling"]["models"][-1]["models"]
    ways = {"engine": "", "ensemble of torch.func": "ensemble_", "plain loop": "plain_"}
    lines = [
        f"{'steps of one model a second, over the plain loop':50}"
        f"{result['ratio_vs_plain']:8.1f} times",
        f"{'likewise, an ensemble of torch.func':50}{result['ensemble_ratio_vs_plain']:8.1f} times",
        "multiplications that the engine needs, in proportion to the peak of matrix products",
        *(
            f"{f'  {way}':50}{100 * result[f'{key}peak_fraction']:8.1f} %"
            for way, key in ways.items()
        ),
        f"{'neither forward, backward nor optimizer':50}{100 * result['overhead_fraction']:8.1f} %",
        f"{f'peak memory, {models} models side by side':50}{result['peak_memory_mb']:8.0f} MiB",
    ]
    for name, rows in result["scaling"].items():
        for row in rows:
            values = (
                f"{key.removesuffix('ms_a_step').rstrip('_')} {value:.2f} ms".strip()
                for key, value in row.items()
                if key != name
            )
            lines.append(f"  a step with {row[name]:>6} {name:8} {'  '.join(values)}")
    return "\n".join([*lines, *chain_lines(result["chain"])])


def chain_lines(chain: dict[str, Any]) -> list[str]:
    """The lines of the table that tell of the chain."""

    def line(what: str, times: dict[str, float], of_all: str = "") -> str:
        steps = f"{times['plain_steps']:10,.0f} steps of the plain loop"
        return f"{what:50}{times['seconds']:8.1f} s {of_all:5}{steps}"

    lines = []
    for name, times in chain.items():
        if name == "lab":
            lines.append(line("first pictures in the lab, from nothing", times))
            continue
        lines.append(line(f"the {name} report, from nothing", times))
        for part, of_part in times["parts"].items():
            lines.append(line(f"  {part}", of_part, f"{100 * of_part['proportion']:3.0f} %"))
        lines.append(line("  again, with other words in a notebook", times["second_build"]))
    return lines


def main(arguments: list[str]) -> None:
    """Prints the table and writes bench.json."""
    parser = argparse.ArgumentParser(description="Measure how fast training and the report are.")
    parser.add_argument("--short", action="store_true", help="take seconds, to see that it works")
    parser.add_argument("--full", action="store_true", help="build the full report, too")
    chosen = parser.parse_args(arguments)
    threads = tuple(sorted({1, torch.get_num_threads()}))
    reports = ("quick", "full") if chosen.full else ("quick",)
    try:
        if chosen.short:
            result = measured(Bench(1, 40, (1, 2, 3), (1,), (40,), threads), here)
        else:
            many = (2000, 5000, 15000, 60000)
            models, epochs = (10, 20, 60), (1, 5)
            bench = Bench(3, 2000, models, epochs, many, threads, reports, lab=True)
            result = measured(bench, fresh)
    except BenchError as error:
        sys.exit(str(error))
    path = ROOT / "reports" / "build" / "bench.json"
    path.parent.mkdir(exist_ok=True)
    write_text(path, json.dumps(result, indent=1))
    print(table(result))
    print(path)


if __name__ == "__main__":
    main(sys.argv[1:])

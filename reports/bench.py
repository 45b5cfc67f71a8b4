"""How fast the engine is, as ratios within one run: `make bench`.

What is compared takes turns, several times, so that a noisy machine disturbs both sides. The plain
loop and each sweep run in a fresh process, as they would for a user: where a process has freed
large memory before, its allocator is faster ever after, for the plain loop more than for others.
Prints a table and writes reports/build/bench.json.
"""

import json
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any, get_args
from unittest.mock import patch

import torch
from torch import nn
from tqdm import tqdm

from glo_core.data import Digits
from glo_core.generator import MULTIPLICATIONS, as_blocks, seeded_plain
from glo_core.recipe import ContentAdam, Recipe, grid
from glo_core.runs.store import Store, write_text
from glo_core.runs.sweep import steps, sweep
from glo_core.streams import Streams
from glo_core.training import Group, train
from reports.parameters import read
from reports.study import ROOT

IMAGES, TURNS = 2000, 3
MODELS, EPOCHS, MANY = (10, 20, 60), (1, 5), (2000, 5000, 15000, 60000)
CPU = torch.device("cpu")


def plain_loop(recipe: Recipe, digits: Digits) -> Iterator[float]:
    """The exercise as plain as it can be: stock layers, one model, three ordinary Adams.

    The reference for the engine's results and speed. Yields each epoch's mean loss.
    """
    streams = Streams([recipe.seed])
    network = seeded_plain(recipe.class_dim + recipe.content_dim, streams.seeds()[0])
    classes = nn.Parameter(streams.normal(len(digits.class_names), recipe.class_dim)[0])
    content = nn.Parameter(streams.normal(len(digits), recipe.content_dim)[0])
    streams.normal(recipe.content_dim, 1)  # the engine draws its picture from scratch here
    adams = [torch.optim.Adam(group) for group in (network.parameters(), [classes], [content])]
    for _ in range(recipe.epochs):
        order = streams.permutations(len(digits))[0]
        noise = streams.normal(len(digits), recipe.content_dim)[0]
        total = 0.0
        for start in range(0, len(digits), recipe.batch_size):
            index = order[start : start + recipe.batch_size]
            disturbed = content[index] + recipe.sigma * noise[start : start + recipe.batch_size]
            drawn = network(torch.cat([classes[digits.labels[index]], disturbed], 1))[:, 0]
            difference = drawn - digits.images[index]
            loss = {"l1": difference.abs().mean(), "l2": difference.square().mean()}
            loss["l1+l2"] = loss["l1"] + loss["l2"]
            for adam in adams:
                adam.zero_grad()
            loss[recipe.loss].backward()
            for adam in adams:
                adam.step()
            total += loss[recipe.loss].item() * len(index)
        yield total / len(digits)


def made_up(images: int) -> Digits:
    """Images of noise, in ten classes: what they show does not matter for speed."""
    stream = torch.Generator().manual_seed(0)
    names = tuple("0123456789")
    return Digits(
        torch.rand(images, 28, 28, generator=stream), torch.arange(images) % 10, names, "noise"
    )


def full_sweep(epochs: int) -> list[Recipe]:
    """The full report's recipes for one seed, with so many epochs."""
    return read(ROOT / "reports" / "full.yaml", {"epochs": epochs, "seeds": [0]}).recipes()


def seconds(work: Callable[[], Any]) -> float:
    """How long it takes, by the wall clock."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def on_all(threads: int, work: Callable[[], Any]) -> float:
    """How long it takes to do the work in so many threads, each of which computes alone."""
    with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        return seconds(
            lambda: [run.result() for run in [pool.submit(work) for _ in range(threads)]]
        )


def peak_seconds(threads: int) -> float:
    """Seconds a multiplication of large matrix products, on all processors together."""
    left, right = torch.rand(2, 1024, 1024)
    time_taken = on_all(threads, lambda: [left @ right for _ in range(10)])
    return time_taken / (threads * 10 * 1024**3)


def fresh(*words: str | int) -> list[float]:
    """What this module prints in a fresh process for these words: see `measure`."""
    command = [sys.executable, "-m", "reports.bench", *map(str, words)]
    done = subprocess.run(command, check=True, capture_output=True, cwd=ROOT)
    return [float(word) for word in done.stdout.split()]


def alone(measured: Callable[..., float], *arguments: Any) -> list[float]:
    """A number measured in this process, in the form of what a fresh one prints."""
    return [measured(*arguments)]


def measure(what: str, *numbers: int) -> list[float]:
    """What the words of a fresh process ask for.

    `plain THREADS` gives seconds a model-step, `sweep MODELS EPOCHS THREADS` the same and the share
    of it that is forward, backward and optimizer, `memory` MiB.
    """
    imported = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if what == "memory":
        return [(trained_side_by_side() - imported) / 1024]
    digits = made_up(IMAGES)
    torch.set_num_threads(numbers[-1])
    train([Recipe(epochs=1)], made_up(100))  # PyTorch loads parts of itself when first used
    if what == "plain":
        recipe = Recipe(epochs=3)
        epochs = plain_loop(recipe, digits)
        next(epochs)  # the first one is slower
        return [seconds(lambda: list(epochs)) / steps(recipe, digits, 2)]
    models, epochs_each, threads = numbers
    recipes = full_sweep(epochs_each)[:models]
    stepping = []
    step = Group.step

    def timed(*group_and_batch: Any) -> Any:
        start = time.perf_counter()
        losses = step(*group_and_batch)
        stepping.append(time.perf_counter() - start)
        return losses

    with tempfile.TemporaryDirectory() as folder, patch.object(Group, "step", timed):
        time_taken = seconds(lambda: sweep(recipes, digits, Store(folder), device="cpu"))
    count = sum(steps(recipe, digits) for recipe in recipes)
    return [time_taken / count, sum(stepping) / (threads * time_taken)]


def trained_side_by_side() -> int:
    """The peak memory, in KiB, of a process that trains 60 models as one network for an epoch."""
    digits = made_up(IMAGES)
    group = Group(full_sweep(1), digits, CPU)
    blocks = as_blocks(digits.images)
    noise = group.streams.normal(IMAGES, 25)
    for index in group.streams.permutations(IMAGES).split(32, 1):
        group.step(index, noise[:, : index.shape[1]], blocks[index])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def bare_steps(digits: Digits, content_adam: ContentAdam) -> float:
    """Seconds a model-step of forward, backward and optimizers alone, by one thread."""
    models, count = 4, 20
    torch.set_num_threads(1)
    group = Group(grid(["l1"], range(models), [0], content_adam=content_adam), digits, CPU)
    index = group.streams.permutations(len(digits))[:, :32]
    noise = group.streams.normal(32, 25)
    images = as_blocks(digits.images[index]).contiguous()
    group.step(index, noise, images)  # the first one is slower
    time_taken = seconds(lambda: [group.step(index, noise, images) for _ in range(count)])
    return time_taken / (count * models)


def bench() -> dict[str, Any]:
    """All measurements; each time is the median over turns."""
    (peak_memory_mb,) = fresh("memory")  # first: a process starts with its parent's peak
    threads = torch.get_num_threads()
    thread_counts = sorted({1, threads})
    longest = max(EPOCHS)
    each: dict[str, Callable[[], list[float]]] = {"peak": partial(alone, peak_seconds, threads)}
    each |= {f"plain {n}": partial(fresh, "plain", n) for n in thread_counts}
    each |= {f"models {n}": partial(fresh, "sweep", n, longest, threads) for n in MODELS}
    each |= {f"threads {n}": partial(fresh, "sweep", 20, 1, n) for n in thread_counts}
    each |= {
        f"{content_adam} {n}": partial(alone, bare_steps, made_up(n), content_adam)
        for content_adam in get_args(ContentAdam)
        for n in MANY
    }
    turns: dict[str, list[list[float]]] = {name: [] for name in each}
    for _, name in tqdm(list(product(range(TURNS), each)), desc="measuring", unit="time"):
        turns[name].append(each[name]())
    median = {
        name: statistics.median(first for first, *_ in found) for name, found in turns.items()
    }

    def scaling(what: str, values: Iterable[int]) -> list[dict[str, float]]:
        return [{what: n, "ms_a_step": 1e3 * median[f"{what} {n}"]} for n in values]

    # These two were measured under another name.
    median |= {"epochs 1": median[f"threads {threads}"], f"epochs {longest}": median["models 20"]}
    whole_sweep = f"models {max(MODELS)}"
    engine = median[whole_sweep]
    plainly = min(median[f"plain {n}"] for n in thread_counts)
    multiplications = 3 * MULTIPLICATIONS * 32  # backward counts as twice forward
    return {
        "ratio_vs_plain": plainly / engine,
        "peak_fraction": multiplications / engine * median["peak"],
        "overhead_fraction": 1 - statistics.median(share for _, share in turns[whole_sweep]),
        "peak_memory_mb": peak_memory_mb,
        "plain_ms_a_step": 1e3 * plainly,
        "engine_ms_a_step": 1e3 * engine,
        "scaling": {
            "models": scaling("models", MODELS),
            "epochs": scaling("epochs", EPOCHS),
            "images": [
                {
                    "images": n,
                    "dense_ms_a_step": 1e3 * median[f"dense {n}"],
                    "sparse_ms_a_step": 1e3 * median[f"sparse {n}"],
                }
                for n in MANY
            ],
            "threads": scaling("threads", thread_counts),
        },
        "machine": {
            "threads": threads,
            "processor": platform.machine(),
            "system": platform.system(),
            "torch": torch.__version__,
            "gigaflops": 2e-9 / median["peak"],
        },
    }


def main() -> None:
    """Prints the table and writes bench.json."""
    result = bench()
    path = ROOT / "reports" / "build" / "bench.json"
    path.parent.mkdir(exist_ok=True)
    write_text(path, json.dumps(result, indent=1))
    print(f"{'model-steps a second, over the plain loop':44}{result['ratio_vs_plain']:10.1f} times")
    print(f"{'share of the matrix-product peak':44}{100 * result['peak_fraction']:10.0f} %")
    print(
        f"{'neither forward, backward nor optimizer':44}{100 * result['overhead_fraction']:10.1f} %"
    )
    print(f"{'peak memory, 60 models side by side':44}{result['peak_memory_mb']:10.0f} MB")
    for name, rows in result["scaling"].items():
        for row in rows:
            values = "  ".join(
                f"{k.removesuffix('_ms_a_step')} {v:.2f} ms" for k, v in row.items() if k != name
            )
            print(f"  a model-step with {row[name]:>6} {name:8} {values}")
    print(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


if __name__ == "__main__":
    if words := sys.argv[1:]:
        print(*measure(words[0], *map(int, words[1:])))
    else:
        main()

"""How fast the engine is, as ratios within one run: `make bench`.

Everything that is compared takes turns, several times, so that a noisy machine disturbs both sides.
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

import torch
from torch import nn
from tqdm import tqdm

from glo_core.data import Digits
from glo_core.generator import MULTIPLICATIONS, as_blocks, seeded_plain
from glo_core.recipe import ContentAdam, Recipe, grid
from glo_core.store import Store, write_text
from glo_core.streams import Streams
from glo_core.study import ROOT
from glo_core.sweep import steps, sweep
from glo_core.training import Group

IMAGES, TURNS = 2000, 3
MODELS, EPOCHS, MANY = (10, 20, 40, 60), (1, 2, 4), (2000, 5000, 15000, 60000)
SIGMAS = [0, 1e-100, 1e-20, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 0.5]
SIGMAS += [1, 2, 3, 4, 5, 10, 20, 50, 100, 500, 1000]
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


def swept(recipes: list[Recipe], digits: Digits, threads: int) -> float:
    """Seconds a model-step of a whole sweep, saving included."""
    torch.set_num_threads(threads)
    with tempfile.TemporaryDirectory() as folder:
        time_taken = seconds(lambda: sweep(recipes, digits, Store(folder), device="cpu"))
    return time_taken / sum(steps(recipe, digits) for recipe in recipes)


def bare_steps(models: int, digits: Digits, content_adam: ContentAdam, count: int = 100) -> float:
    """Seconds a model-step of forward, backward and optimizers alone, by one thread."""
    torch.set_num_threads(1)
    group = Group(grid(["l1"], range(models), [0], content_adam=content_adam), digits, CPU)
    index = group.streams.permutations(len(digits))[:, :32]
    noise = group.streams.normal(32, 25)
    images = as_blocks(digits.images[index]).contiguous()
    group.step(index, noise, images)  # the first one is slower
    time_taken = seconds(lambda: [group.step(index, noise, images) for _ in range(count)])
    return time_taken / (count * models)


def peak_memory_mb() -> float:
    """What training 60 models side by side takes over importing PyTorch, in a fresh process."""
    command = [sys.executable, "-m", "reports.bench", "memory"]
    return float(subprocess.run(command, check=True, capture_output=True, cwd=ROOT).stdout)


def print_memory() -> None:
    """The work of `peak_memory_mb`'s process."""
    imported = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    recipes = grid(["l1", "l2", "l1+l2"], SIGMAS, [0], epochs=1)
    group = Group(recipes, made_up(IMAGES), CPU)
    index = group.streams.permutations(IMAGES)
    for start in range(0, 10 * 32, 32):
        batch = index[:, start : start + 32]
        group.step(batch, group.streams.normal(32, 25), torch.rand(60, 32, 49, 16))
    print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - imported) / 1024)


def bench() -> dict[str, Any]:
    """All measurements. Each time is the median over turns; rates are per second."""
    threads = torch.get_num_threads()
    thread_counts = sorted({1, threads})
    digits = made_up(IMAGES)
    sixty = grid(["l1", "l2", "l1+l2"], SIGMAS, [0], epochs=1)
    one = Recipe(epochs=1)

    def plain(threads: int) -> float:
        torch.set_num_threads(threads)
        return seconds(lambda: list(plain_loop(one, digits))) / steps(one, digits)

    def longer(epochs: int) -> float:
        recipes = [recipe.model_copy(update={"epochs": epochs}) for recipe in sixty[:20]]
        return swept(recipes, digits, threads)

    def bare() -> float:
        with ThreadPoolExecutor(threads) as pool:
            runs = [pool.submit(bare_steps, 10, digits, "dense") for _ in range(threads)]
            return statistics.mean(run.result() for run in runs) / threads

    each: dict[str, Callable[[], float]] = {"peak": lambda: peak_seconds(threads)}
    each |= {f"plain {n}": partial(plain, n) for n in thread_counts}
    each |= {f"models {n}": partial(swept, sixty[:n], digits, threads) for n in MODELS}
    each |= {f"epochs {n}": partial(longer, n) for n in EPOCHS}
    each |= {f"threads {n}": partial(swept, sixty[:20], digits, n) for n in thread_counts}
    each |= {"bare": bare}
    each |= {
        f"{content_adam} {n}": partial(bare_steps, 4, made_up(n), content_adam, 20)
        for content_adam in get_args(ContentAdam)
        for n in MANY
    }
    turns: dict[str, list[float]] = {name: [] for name in each}
    for _, name in tqdm(list(product(range(TURNS), each)), desc="measuring", unit="time"):
        turns[name].append(each[name]())
    torch.set_num_threads(threads)
    median = {name: statistics.median(values) for name, values in turns.items()}

    def scaling(what: str, values: Iterable[int]) -> list[dict[str, float]]:
        return [{what: n, "ms_a_step": 1e3 * median[f"{what} {n}"]} for n in values]

    engine = median[f"models {len(sixty)}"]
    plainly = min(median[f"plain {n}"] for n in thread_counts)
    multiplications = 3 * MULTIPLICATIONS * one.batch_size  # backward is twice forward
    return {
        "ratio_vs_plain": plainly / engine,
        "peak_fraction": multiplications / engine * median["peak"],
        "overhead_fraction": 1 - median["bare"] / engine,
        "peak_memory_mb": peak_memory_mb(),
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
    print_memory() if sys.argv[1:] == ["memory"] else main()

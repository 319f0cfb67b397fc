"""Processes and threads of every kind draw the same bits, and none of them waits for ever."""

from __future__ import annotations

import tempfile

from children import ended, judge, start
from counts import Counts, run

SETUP = """
import hashlib, sys
import numpy as np, vicinal
X = np.random.default_rng(0).normal(size=(2000, 6)).astype(np.float32)
samplers = [vicinal.PMFSampler(8, random_state=0).fit(X), vicinal.LocalSampler(8, scale=1.0, random_state=0).fit(X)]
def drawn(_=None):
    return hashlib.sha256(b"".join(each.sample(50_000).tobytes() for each in samplers)).hexdigest()
def fitted(_=None):
    again = [vicinal.PMFSampler(8, random_state=0).fit(X), vicinal.LocalSampler(8, scale=1.0, random_state=0).fit(X)]
    return hashlib.sha256(b"".join(each.sample(5_000).tobytes() for each in again)).hexdigest()
"""
POOL = """
from concurrent.futures import ProcessPoolExecutor
import multiprocessing
if __name__ == "__main__":
    with ProcessPoolExecutor(2, multiprocessing.get_context("{}")) as pool:
        assert set(pool.map({}, range(4))) == {{{}()}}
"""
THREADS = """
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor(4) as pool:
    assert set(pool.map(drawn, range(8))) == {drawn()}
    assert set(pool.map(fitted, range(8))) == {fitted()}
"""
JOBLIB = """
from joblib import Parallel, delayed
for backend in ("loky", "threading"):
    found = Parallel(2, backend=backend)(delayed(each.sample)(1000) for each in samplers * 2)
    assert all(np.array_equal(a, each.sample(1000)) for a, each in zip(found, samplers * 2))
"""
FORKED = """
import os, threading
stop = threading.Event()
def draw():
    while not stop.is_set():
        drawn()
known = drawn(), fitted()
thread = threading.Thread(target=draw)
thread.start()
try:
    for _ in range(ROUNDS):
        child = os.fork()
        if child == 0:
            os._exit(0 if (drawn(), fitted()) == known else 3)
        assert os.waitpid(child, 0)[1] == 0
finally:
    stop.set()
    thread.join()
"""
NO_JIT = """
small = vicinal.PMFSampler(8, random_state=0).fit(X[:200])
print(small.cells_.tobytes().hex(), small.sample(20).tobytes().hex())
"""


def attack_pools(folder, full, counts):
    """Draw and fit in processes that are started in each way, and in threads."""
    for method in ("fork", "spawn", "forkserver") if full else ("fork",):
        for function in ("drawn", "fitted") if full else ("drawn",):
            path = f"{folder}/{method}_{function}.py"
            with open(path, "w", encoding="utf-8") as file:  # noqa: PTH123 - spawn imports the program anew
                file.write(SETUP + POOL.format(method, function, function))
            code = f"import subprocess, sys\nsys.exit(subprocess.call([sys.executable, {path!r}]))"
            judge(counts, f"{method}, {function}", ended(start(code, PYTHONWARNINGS="ignore")), [0])
    judge(counts, "threads", ended(start(SETUP + THREADS)), [0])
    if full:
        judge(counts, "joblib", ended(start(SETUP + JOBLIB, JOBLIB_TEMP_FOLDER=folder)), [0])


def attack_forks(full, counts):
    """Fork while another thread draws."""
    code = SETUP + FORKED.replace("ROUNDS", "40" if full else "2")
    judge(counts, "fork while a thread draws", ended(start(code, PYTHONWARNINGS="ignore")), [0])


def attack_compilers(folder, full, counts):
    """Let processes compile the same kernels at once, and do without a compiler."""
    if not full:
        return
    found = {}
    for i in range(3):
        children = [start(SETUP + "print(drawn(), fitted())", VICINAL_CACHE_DIR=f"{folder}/{i}") for _ in range(3)]
        for child in children:
            end = ended(child)
            judge(counts, f"three processes compile, {i}", end, [0])
            found[end[1]] = i
    if len(found) != 1:
        counts.fault("silent", f"processes that compile at once: {len(found)} different results")
    ends = [ended(start(SETUP.split("samplers =")[0] + NO_JIT, NUMBA_DISABLE_JIT=each)) for each in ("0", "1")]
    for end in ends:
        judge(counts, "NUMBA_DISABLE_JIT", end, [0])
    if ends[0][1] != ends[1][1]:
        counts.fault("silent", "other cells or samples without the compiler")


def attack(full):
    """Attack from processes that are started for it."""
    counts = Counts()
    with tempfile.TemporaryDirectory() as folder:
        attack_pools(folder, full, counts)
        attack_forks(full, counts)
        attack_compilers(folder, full, counts)
    return counts


if __name__ == "__main__":
    run(attack)

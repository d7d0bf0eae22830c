"""Times loops of products as an assembler programmer would write them, on all processors at once.

    python Benchmarks/tiles.py                    # needs a C compiler and a processor with AVX2 and FMA
    python Benchmarks/tiles.py --depth 1024 --seconds 20
    python Benchmarks/tiles.py --depth 1024 --pad 0     # rows a whole number of pages apart

What a tile can reach tells how much of a kernel's time is its own and how much the machine's: undisturbed, all these
loops run at the rate of the multiply-adds. Each line is a tiling of 16 rows, in GFLOP/s of a core: percentiles over
passes through all weights, and the mean.
"""

import argparse
import ctypes
import os
import pathlib
import subprocess
import tempfile

ROWS = 16
# Heights of tiles, vectors of columns, contracted indices a round, and whether each index asks for a line as well.
TILINGS = [
    ([6, 5, 5], 2, 1, False),
    ([6, 5, 5], 2, 2, False),
    ([6, 5, 5], 2, 4, False),
    ([6, 5, 5], 2, 8, False),
    ([6, 5, 5], 2, 4, True),
    ([3, 3, 3, 3, 2, 2], 4, 4, False),
    ([4, 4, 4, 4], 3, 4, False),
]


def kernel(name, rows, vectors, unroll, asks, stride):
    """A function that computes a tile: (numbers of the first row, panel, sums, depth)."""
    sums = rows * vectors
    lines = [f"vxorps %%ymm{i}, %%ymm{i}, %%ymm{i}" for i in range(sums)] + [".p2align 5", "1:"]
    for u in range(unroll):
        if asks:
            lines.append(f"mov {8 * u}(%[c]), %%rdx; prefetcht0 (%%rdx)")
        number = [f"{4 * u + stride * r}(%[a])" for r in range(rows)]
        column = [f"{32 * (u * vectors + v)}(%[p])" for v in range(vectors)]
        if vectors <= rows:
            lines += [f"vmovups {place}, %%ymm{sums + v}" for v, place in enumerate(column)]
            for r in range(rows):
                lines.append(f"vbroadcastss {number[r]}, %%ymm15")
                lines += [f"vfmadd231ps %%ymm{sums + v}, %%ymm15, %%ymm{r * vectors + v}" for v in range(vectors)]
        else:
            lines += [f"vbroadcastss {place}, %%ymm{sums + r}" for r, place in enumerate(number)]
            for v in range(vectors):
                lines.append(f"vmovups {column[v]}, %%ymm15")
                lines += [f"vfmadd231ps %%ymm15, %%ymm{sums + r}, %%ymm{r * vectors + v}" for r in range(rows)]
    lines += [f"add ${4 * unroll}, %[a]", f"add ${32 * vectors * unroll}, %[p]", f"sub ${unroll}, %[k]", "jne 1b"]
    lines += [f"vmovups %%ymm{i}, {64 + 32 * i}(%[c])" for i in range(sums)]
    body = "".join(f'"{line}\\n"' for line in lines)
    clobbers = ", ".join(f'"ymm{i}"' for i in range(16))
    return f"""static void __attribute__((noinline)) {name}(const float *a, const float *p, float *c, long k) {{
  __asm__ volatile({body} : [a] "+r"(a), [p] "+r"(p), [k] "+r"(k) : [c] "r"(c) : "memory", "rdx", {clobbers});
}}
"""


def source(depth, pad):
    stride = 4 * (depth + pad)
    text, tables = "", ""
    for n, (tiles, vectors, unroll, asks) in enumerate(TILINGS):
        calls, row = "", 0
        for height in sorted(set(tiles)):
            text += kernel(f"tile{n}_{height}", height, vectors, unroll, asks, stride)
        for height in tiles:
            calls += f"tile{n}_{height}(a + {row * (depth + pad)}, p, c, {depth}); "
            row += height
        text += f"static void rows{n}(const float *a, const float *p, float *c) {{ {calls}}}\n"
        tables += f"{{rows{n}, {vectors * 8}}}, "
    return f"""
#include <time.h>
{text}
static const struct {{ void (*run)(const float *, const float *, float *); int columns; }} tilings[] = {{{tables}}};
/* The seconds of a pass of a tiling through `columns` columns of weights. */
double pass(int tiling, const float *a, const float *weights, float *c, long columns) {{
  struct timespec start, end;
  long panels = columns / tilings[tiling].columns, size = (long)tilings[tiling].columns * {depth};
  for (int i = 0; i < 8; i++) ((const void **)c)[i] = a;
  clock_gettime(CLOCK_MONOTONIC, &start);
  for (long i = 0; i < panels; i++) tilings[tiling].run(a, weights + i * size, c);
  clock_gettime(CLOCK_MONOTONIC, &end);
  return (end.tv_sec - start.tv_sec + 1e-9 * (end.tv_nsec - start.tv_nsec)) / panels;
}}
"""


def measure(library, depth, pad, columns, seconds, processor):
    """Times all tilings in turns on a processor; gives their rates in GFLOP/s in rising order, and the means."""
    os.sched_setaffinity(0, {processor})
    call = ctypes.CDLL(str(library))["pass"]
    call.restype = ctypes.c_double
    numbers = (ctypes.c_float * (ROWS * (depth + pad)))(*([0.5] * ROWS * (depth + pad)))
    weights = (ctypes.c_float * (depth * columns + 16))()
    aligned = (ctypes.addressof(weights) + 31) // 32 * 32
    sums = (ctypes.c_float * 1024)()
    times = [[] for _ in TILINGS]
    end = os.times().elapsed + seconds
    while os.times().elapsed < end:
        for n in range(len(TILINGS)):
            times[n].append(call(n, numbers, ctypes.c_void_p(aligned), sums, ctypes.c_long(columns)))
    work = [2e-9 * ROWS * 8 * vectors * depth for _, vectors, _, _ in TILINGS]
    rates = [sorted(flops / t for t in column) for flops, column in zip(work, times)]
    means = [flops * len(column) / sum(column) for flops, column in zip(work, times)]
    return rates, means


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--depth", type=int, default=256, help="contracted indices, a multiple of 8")
    parser.add_argument("--pad", type=int, default=16, help="numbers between the end of a row and the next one")
    parser.add_argument("--columns", type=int, default=1024)
    parser.add_argument("--seconds", type=float, default=10)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        library = pathlib.Path(folder, "tiles.so")
        subprocess.run(
            ["cc", "-O2", "-shared", "-fPIC", "-x", "c", "-", "-o", library],
            input=source(arguments.depth, arguments.pad), text=True, check=True)
        readers = []
        for processor in sorted(os.sched_getaffinity(0)):
            reader, writer = os.pipe()
            if os.fork() == 0:
                rates, means = measure(
                    library, arguments.depth, arguments.pad, arguments.columns, arguments.seconds, processor)
                with os.fdopen(writer, "w") as out:
                    for (tiles, vectors, unroll, asks), rate, mean in zip(TILINGS, rates, means):
                        name = f"{','.join(map(str, tiles))} rows x {vectors}, {unroll} a round{' +line' if asks else ''}"
                        shares = [rate[int(share * (len(rate) - 1))] for share in (0.1, 0.5, 0.9, 1)]
                        cells = "".join(f"{value:8.1f}" for value in [*shares, mean])
                        out.write(f"{processor:9} {name:36}{cells}\n")
                os._exit(0)
            os.close(writer)
            readers.append(reader)
        print(f"processor {'tiles':36}" + "".join(name.rjust(8) for name in ("10 %", "median", "90 %", "most", "mean")))
        for reader in readers:
            print(os.fdopen(reader).read(), end="")
        while readers:
            os.wait()
            readers.pop()


if __name__ == "__main__":
    main()

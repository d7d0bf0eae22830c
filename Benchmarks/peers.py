"""Times PyTorch, JAX and ONNX Runtime beside `rnnc bench`, on the same cases, in one go.

    make bench-peers                                  # a virtual environment, a release build, and all cases
    python Benchmarks/peers.py --rnnc PATH --filter lstm --threads 2

Each system is a process of its own that waits for its turn; turns alternate, round by round, so that a change of the
machine meets all of them. Printed are medians in milliseconds, and the median of the rounds' ratios of the best peer to
rnnc: others who use the machine for some seconds spoil a round, and not a row.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import time

GATES = {"rnn": 1, "gru": 3, "lstm": 4}
CUSTOM = {"layernormlstm", "peepholelstm", "grubefore"}


class Case:
    """A case by its name, such as train-lstm-l1-b32-t35-v28-h256 or infer-gru-b1-t100-h256."""

    def __init__(self, name):
        self.name = name
        self.kind, self.cell = name.split("-")[:2]
        sizes = {key: int(value) for key, value in re.findall(r"-([lbtvh])(\d+)", name)}
        self.layers, self.batch, self.steps = sizes.get("l", 1), sizes["b"], sizes["t"]
        self.vocabulary, self.hidden = sizes.get("v"), sizes["h"]


def timed(call, seconds):
    """The median time of a call in milliseconds."""
    call()
    start = time.perf_counter()
    for _ in range(3):
        call()
    estimate = (time.perf_counter() - start) / 3
    repeat = max(int(1e-4 / max(estimate, 1e-7)), 1)
    samples = min(max(int(seconds / (estimate * repeat)), 5), 2000)
    times = []
    for _ in range(samples):
        start = time.perf_counter()
        for _ in range(repeat):
            call()
        times.append((time.perf_counter() - start) / repeat)
    return statistics.median(times) * 1e3


# PyTorch


def torch_cell(cell, inputs, hidden):
    """A cell that PyTorch does not have, as a module over a whole sequence of [T, B, I]."""
    import torch
    from torch import nn

    class Custom(nn.Module):
        def __init__(self):
            super().__init__()
            gates = 3 if cell == "grubefore" else 4
            bound = hidden**-0.5

            def weight(*shape):
                return nn.Parameter(torch.empty(*shape).uniform_(-bound, bound))

            self.W, self.U, self.b = weight(gates * hidden, inputs), weight(gates * hidden, hidden), weight(gates * hidden)
            self.p = nn.ParameterList([weight(hidden) for _ in range(3)])
            self.norms = nn.ModuleList([nn.LayerNorm(size) for size in (4 * hidden, 4 * hidden, hidden)])

        def forward(self, x):
            h = x.new_zeros(x.shape[1], hidden)
            c = h
            outputs = []
            projected = x @ self.W.T
            if cell == "layernormlstm":
                projected = self.norms[0](projected)
            for a in projected + self.b:
                if cell == "grubefore":
                    az, ar, an = a.chunk(3, 1)
                    Uz, Ur, Un = self.U.chunk(3)
                    z, r = torch.sigmoid(az + h @ Uz.T), torch.sigmoid(ar + h @ Ur.T)
                    h = z * h + (1 - z) * torch.tanh(an + (r * h) @ Un.T)
                elif cell == "peepholelstm":
                    i, f, g, o = (a + h @ self.U.T).chunk(4, 1)
                    i, f = torch.sigmoid(i + self.p[0] * c), torch.sigmoid(f + self.p[1] * c)
                    c = f * c + i * torch.tanh(g)
                    h = torch.sigmoid(o + self.p[2] * c) * torch.tanh(c)
                else:
                    i, f, g, o = (a + self.norms[1](h @ self.U.T)).chunk(4, 1)
                    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
                    h = torch.sigmoid(o) * torch.tanh(self.norms[2](c))
                outputs.append(h)
            return torch.stack(outputs), None

    return Custom()


def torch_call(case, compiled=False):
    import torch
    from torch import nn

    torch.manual_seed(0)
    if case.kind == "infer":
        kind = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}[case.cell]
        net = kind(case.hidden, case.hidden).eval()
        x = torch.randn(case.steps, case.batch, case.hidden)

        def infer():
            with torch.inference_mode():
                net(x)

        return infer
    if case.cell in CUSTOM:
        net = torch_cell(case.cell, case.vocabulary, case.hidden)
        if compiled:
            net = torch.compile(net)
    else:
        kind = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}[case.cell]
        net = kind(case.vocabulary, case.hidden, case.layers)
    linear = nn.Linear(case.hidden, case.vocabulary)
    parameters = [*net.parameters(), *linear.parameters()]
    optimizer = torch.optim.SGD(parameters, lr=0.01)
    ids = torch.randint(case.vocabulary, (2, case.steps, case.batch))

    def train():
        x = nn.functional.one_hot(ids[0], case.vocabulary).float()
        logits = linear(net(x)[0])
        loss = nn.functional.cross_entropy(logits.flatten(0, 1), ids[1].flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_([p for p in parameters if p.grad is not None], 1.0)
        optimizer.step()
        loss.item()

    return train


# JAX


def jax_layer(cell, hidden, weights, x, jax, jnp):
    """A layer over a sequence of [T, B, I]."""
    W, U, b, b_h = weights
    projected = x @ W.T + b
    zero = jnp.zeros((x.shape[1], hidden))

    def step(state, a):
        h, c = state
        if cell == "rnn":
            h = jnp.tanh(a + h @ U.T + b_h)
        elif cell == "gru":
            r, z, n = jnp.split(a, 3, 1)
            r_h, z_h, n_h = jnp.split(h @ U.T + b_h, 3, 1)
            r, z = jax.nn.sigmoid(r + r_h), jax.nn.sigmoid(z + z_h)
            n = jnp.tanh(n + r * n_h)
            h = (1 - z) * n + z * h
        else:
            i, f, g, o = jnp.split(a + h @ U.T + b_h, 4, 1)
            c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
            h = jax.nn.sigmoid(o) * jnp.tanh(c)
        return (h, c), h

    return jax.lax.scan(step, (zero, zero), projected)[1]


def jax_call(case):
    if case.cell in CUSTOM:
        return None
    import jax
    import jax.numpy as jnp
    import numpy

    random = numpy.random.default_rng(0)
    bound = case.hidden**-0.5

    def weight(*shape):
        return jnp.asarray(random.uniform(-bound, bound, shape), jnp.float32)

    def layer(inputs):
        rows = GATES[case.cell] * case.hidden
        return weight(rows, inputs), weight(rows, case.hidden), weight(rows), weight(rows)

    if case.kind == "infer":
        weights = layer(case.hidden)
        x = weight(case.steps, case.batch, case.hidden)
        run = jax.jit(lambda weights, x: jax_layer(case.cell, case.hidden, weights, x, jax, jnp))
        return lambda: run(weights, x).block_until_ready()
    layers = [layer(case.vocabulary if i == 0 else case.hidden) for i in range(case.layers)]
    parameters = (layers, weight(case.vocabulary, case.hidden), weight(case.vocabulary))
    ids = jnp.asarray(random.integers(case.vocabulary, size=(2, case.steps, case.batch)))

    def loss(parameters):
        layers, W, b = parameters
        x = jax.nn.one_hot(ids[0], case.vocabulary)
        for weights in layers:
            x = jax_layer(case.cell, case.hidden, weights, x, jax, jnp)
        logs = jax.nn.log_softmax(x @ W.T + b)
        return -jnp.take_along_axis(logs, ids[1][..., None], -1).mean()

    @jax.jit
    def train(parameters):
        value, gradients = jax.value_and_grad(loss)(parameters)
        norm = jnp.sqrt(sum(jnp.sum(g * g) for g in jax.tree.leaves(gradients)))
        rate = 0.01 * jnp.minimum(1.0, 1.0 / (norm + 1e-6))
        return jax.tree.map(lambda p, g: p - rate * g, parameters, gradients), value

    state = [parameters]

    def call():
        state[0], value = train(state[0])
        value.block_until_ready()

    return call


# ONNX Runtime


def ort_call(case, threads):
    if case.kind != "infer":
        return None
    import numpy
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper

    random = numpy.random.default_rng(0)
    rows, bound = GATES[case.cell] * case.hidden, case.hidden**-0.5

    def weight(name, *shape):
        return numpy_helper.from_array(random.uniform(-bound, bound, shape).astype(numpy.float32), name)

    extra = {"linear_before_reset": 1} if case.cell == "gru" else {}
    node = helper.make_node(
        case.cell.upper(), ["X", "W", "R", "B"], ["Y"], hidden_size=case.hidden, **extra)
    shape = [case.steps, case.batch, case.hidden]
    graph = helper.make_graph(
        [node], "layer", [helper.make_tensor_value_info("X", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("Y", TensorProto.FLOAT, [case.steps, 1, case.batch, case.hidden])],
        [weight("W", 1, rows, case.hidden), weight("R", 1, rows, case.hidden), weight("B", 1, 2 * rows)])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    x = {"X": random.standard_normal(shape).astype(numpy.float32)}
    return lambda: session.run(None, x)


# Processes


def work(system, threads):
    """Times the cases that come in, one line each, until there are no more."""
    if system.startswith("torch"):
        import torch

        torch.set_num_threads(threads)
    calls = {}
    for line in sys.stdin:
        name, seconds = line.split()
        if name not in calls:
            case = Case(name)
            if system == "jax":
                calls[name] = jax_call(case)
            elif system == "onnxruntime":
                calls[name] = ort_call(case, threads)
            elif system == "torch.compile":
                calls[name] = torch_call(case, compiled=True) if case.cell in CUSTOM else None
            else:
                calls[name] = torch_call(case)
        call = calls[name]
        print(json.dumps(timed(call, float(seconds)) if call else None), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rnnc", default=".build/release/rnnc")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--filter", default="")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.3)
    parser.add_argument("--peers", default="torch,torch.compile,jax,onnxruntime")
    parser.add_argument("--work", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.work:
        return work(arguments.work, arguments.threads)

    def rnnc(text, seconds):
        command = [arguments.rnnc, "bench", "--json", "--filter", text, "--threads", str(arguments.threads)]
        result = subprocess.run([*command, "--seconds", str(seconds)], capture_output=True, text=True, check=True)
        return [json.loads(line) for line in result.stdout.splitlines()][1:]

    names = [result["case"] for result in rnnc(arguments.filter, 1e-3)]
    environment = dict(
        os.environ, OMP_NUM_THREADS=str(arguments.threads),
        XLA_FLAGS=f"--xla_cpu_multi_thread_eigen={'true' if arguments.threads > 1 else 'false'}"
        f" intra_op_parallelism_threads={arguments.threads}")
    workers = {
        peer: subprocess.Popen(
            [sys.executable, __file__, "--work", peer, "--threads", str(arguments.threads)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
        for peer in arguments.peers.split(",")
    }
    print(f"{arguments.threads} threads, medians of {arguments.rounds} rounds, milliseconds")
    print("case".ljust(36) + "".join(name.rjust(15) for name in ["rnnc", *workers, "ratio"]), flush=True)

    def peer_time(worker, name, seconds):
        worker.stdin.write(f"{name} {seconds}\n")
        worker.stdin.flush()
        return json.loads(worker.stdout.readline())

    for name in names:
        times = {"rnnc": [], **{peer: [] for peer in workers}}
        # Importing and compiling must not go on while another system is timed.
        for worker in workers.values():
            peer_time(worker, name, 1e-3)
        for _ in range(arguments.rounds):
            times["rnnc"].append(rnnc(name, arguments.seconds)[0]["milliseconds"])
            for peer, worker in workers.items():
                times[peer].append(peer_time(worker, name, arguments.seconds))
        medians = {system: statistics.median(t) if None not in t else None for system, t in times.items()}
        peers = [times[peer] for peer in workers if medians[peer]]
        ratio = statistics.median(min(theirs) / ours for ours, *theirs in zip(times["rnnc"], *peers))
        cells = [f"{t:.4g}" if t else "" for t in medians.values()]
        print(name.ljust(36) + "".join(cell.rjust(15) for cell in [*cells, f"{ratio:.2f}"]), flush=True)
    for worker in workers.values():
        worker.stdin.close()
        worker.wait()


if __name__ == "__main__":
    main()

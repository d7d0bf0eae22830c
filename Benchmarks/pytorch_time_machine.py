"""Trains the Time Machine model in PyTorch, the way `rnnc train Examples/time-machine-gru.rnn` does.

    pip install torch
    python Benchmarks/pytorch_time_machine.py timemachine.txt --cell gru

Prints the last epoch's perplexity and the wall time. The steps, the sampling, the clipping and the sizes are those of the
command in README; the initial weights differ, as the generators do.
"""

import argparse
import collections
import math
import random
import re
import time

import torch
from torch import nn


def corpus(path, limit):
    """Ids of the first `limit` characters, letters and single spaces, by falling frequency; 0 is the unknown one."""
    with open(path, encoding="utf-8") as file:
        lines = [re.sub("[^A-Za-z]+", " ", line).strip().lower() for line in file]
    text = "".join(lines)
    order = [token for token, _ in collections.Counter(text).most_common()]
    number = {token: i + 1 for i, token in enumerate(order)}
    return [number[token] for token in text[:limit]], len(order) + 1


def batches(ids, batch, steps):
    """Rows that continue from batch to batch, from a random offset."""
    offset = random.randint(0, steps)
    count = (len(ids) - offset - 1) // batch * batch
    inputs = torch.tensor(ids[offset : offset + count]).reshape(batch, -1)
    targets = torch.tensor(ids[offset + 1 : offset + 1 + count]).reshape(batch, -1)
    for start in range(0, inputs.shape[1] // steps * steps, steps):
        yield inputs[:, start : start + steps].T, targets[:, start : start + steps].T


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("text")
    parser.add_argument("--cell", choices=["rnn", "gru", "lstm"], default="gru")
    parser.add_argument("--hidden", type=int, default=256)
    parser.add_argument("--epochs", type=int, default=500)
    parser.add_argument("--max-tokens", type=int, default=10_000)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    random.seed(0)

    ids, classes = corpus(arguments.text, arguments.max_tokens)
    cell = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}[arguments.cell](classes, arguments.hidden)
    linear = nn.Linear(arguments.hidden, classes)
    parameters = [*cell.parameters(), *linear.parameters()]
    optimizer = torch.optim.SGD(parameters, lr=1)
    perplexity = math.nan
    begin = time.perf_counter()
    for _ in range(arguments.epochs):
        state, total, count = None, 0.0, 0
        for inputs, targets in batches(ids, 32, 35):
            if state is not None:
                state = tuple(s.detach() for s in state) if isinstance(state, tuple) else state.detach()
            outputs, state = cell(nn.functional.one_hot(inputs, classes).float(), state)
            loss = nn.functional.cross_entropy(linear(outputs).flatten(0, 1), targets.flatten())
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(parameters, 1)
            optimizer.step()
            total += loss.item() * targets.numel()
            count += targets.numel()
        perplexity = math.exp(total / count)
    seconds = time.perf_counter() - begin
    print(f"{arguments.cell} H{arguments.hidden}: perplexity {perplexity:.4f}, {seconds:.1f} s, {arguments.threads} threads")


if __name__ == "__main__":
    main()

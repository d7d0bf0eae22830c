"""Writes optimizers.safetensors: a vector after each of 12 steps of PyTorch's optimisers along given gradients.

    python Tests/Fixtures/torch/optimizers.py

Each entry of `cases` is one of the test of the same name in Tests/RNNCompilerTests/OptimizerTests.swift.
"""
import json, pathlib, struct
import torch
from torch.optim import SGD, Adam, AdamW, RMSprop, Adagrad, lr_scheduler as schedules

torch.set_default_dtype(torch.float64)
generator = torch.Generator().manual_seed(1)
steps, size = 12, 4
start = torch.randn(size, generator=generator)
gradients = torch.randn(steps, size, generator=generator) * torch.tensor([1, 3, 0.1, 0.01])
gradients[:, 3] += 0.01
losses = [1.0, 0.9, 0.95, 0.92, 0.91, 0.9, 0.5, 0.6, 0.6, 0.6, 0.5001, 0.4]


def clip_value(p): torch.nn.utils.clip_grad_value_(p, 0.5)
def clip_both(p): clip_value(p); torch.nn.utils.clip_grad_norm_(p, 0.7)
def step(o): return schedules.StepLR(o, 3, 0.5)
def cosine(o): return schedules.LambdaLR(o, lambda t: 0.1 + 0.9 * (1 + torch.cos(torch.tensor(torch.pi * min(t / 8, 1)))).item() / 2)
def warm(o): return schedules.LambdaLR(o, lambda t: min(1, (t + 1) / 5))
def plateau(o): return schedules.ReduceLROnPlateau(o, factor=0.5, patience=1)


# The optimiser; what clips; the schedule and the steps of one of its epochs; the steps of an update.
cases = {
    "sgd": (lambda p: SGD(p, 0.1, weight_decay=0.2),),
    "momentum": (lambda p: SGD(p, 0.1, momentum=0.8, weight_decay=0.05),),
    "nesterov": (lambda p: SGD(p, 0.1, momentum=0.9, nesterov=True, weight_decay=0.01),),
    "adam": (lambda p: Adam(p, 0.1, betas=(0.8, 0.99), eps=1e-3, weight_decay=0.1),),
    "adam_defaults": (lambda p: Adam(p),),
    "adamw": (lambda p: AdamW(p, 0.1, weight_decay=0.2),),
    "adamw_defaults": (lambda p: AdamW(p),),
    "rmsprop": (lambda p: RMSprop(p, 0.1, alpha=0.9, eps=1e-3, weight_decay=0.1),),
    "rmsprop_momentum": (lambda p: RMSprop(p, momentum=0.5),),
    "rmsprop_centered": (lambda p: RMSprop(p, 0.1, alpha=0.8, centered=True, momentum=0.3),),
    "adagrad": (lambda p: Adagrad(p, 0.1, lr_decay=0.1, initial_accumulator_value=0.5, eps=1e-3, weight_decay=0.1),),
    "adagrad_defaults": (lambda p: Adagrad(p),),
    "clip_value": (lambda p: SGD(p, 0.1), clip_value),
    "clip_both": (lambda p: SGD(p, 0.1), clip_both),
    "step_updates": (lambda p: SGD(p, 0.1), None, step, 1),
    "step_epochs": (lambda p: Adam(p, 0.1), None, step, 2),
    "cosine_updates": (lambda p: SGD(p, 0.1), None, cosine, 1),
    "warmup": (lambda p: AdamW(p, 0.1), None, warm, 1),
    "plateau": (lambda p: SGD(p, 0.1), None, plateau, 1),
    "accumulate": (lambda p: Adam(p, 0.1), clip_both, step, 3, 3),
}


def run(optimizer, clip=None, schedule=None, epoch=1, accumulation=1):
    p = torch.nn.Parameter(start.clone())
    optimizer = optimizer([p])
    schedule = schedule and schedule(optimizer)
    rows = []
    for t in range(steps):
        ((p * gradients[t]).sum() / accumulation).backward()
        if (t + 1) % accumulation == 0:
            if clip: clip(p)
            optimizer.step()
            optimizer.zero_grad()
        if schedule and (t + 1) % epoch == 0:
            schedule.step(*([losses[t]] if isinstance(schedule, schedules.ReduceLROnPlateau) else []))
        rows.append(p.detach().clone())
    return torch.stack(rows)


tensors = {"start": start, "gradients": gradients, "losses": torch.tensor(losses)}
tensors |= {name: run(*case) for name, case in cases.items()}
header, data = {}, b""
for name, tensor in sorted(tensors.items()):
    bytes_ = struct.pack(f"<{tensor.numel()}d", *tensor.flatten().tolist())
    header[name] = {"dtype": "F64", "shape": list(tensor.shape), "data_offsets": [len(data), len(data) + len(bytes_)]}
    data += bytes_
text = json.dumps(header).encode()
text += b" " * (-len(text) % 8)
pathlib.Path(__file__).with_suffix(".safetensors").write_bytes(struct.pack("<Q", len(text)) + text + data)

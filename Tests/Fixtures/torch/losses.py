"""Writes losses.safetensors: losses of PyTorch in f64, and their derivatives by the logits.

    python Tests/Fixtures/torch/losses.py

Tests/RNNCompilerTests/TorchLossTests.swift says what each of them is in the language.
"""
import json, pathlib, struct
import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
generator = torch.Generator().manual_seed(3)
T, B, V = 9, 3, 5
x = 2 * torch.randn(T, B, V, generator=generator)
z = torch.randn(T, B, V, generator=generator)
t = torch.randint(V, (T, B), generator=generator, dtype=torch.int32)
weights = torch.tensor([0.3, 1, 0.5, 2, 0.25])
lengths = torch.tensor([9, 6, 4], dtype=torch.int32)
labels = [[1, 2, 2, 4], [3], [4, 4]]


def entropy(x, **options): return F.cross_entropy(x.reshape(-1, V), t.reshape(-1).long(), **options)


def ctc(x):
    targets = torch.tensor([row + [0] * (4 - len(row)) for row in labels])
    counts = torch.tensor([len(row) for row in labels])
    return F.ctc_loss(x.log_softmax(-1), targets, lengths.long(), counts, reduction="none").mean()


losses = {
    "ignored": lambda x: entropy(x, ignore_index=0),
    "weighted": lambda x: entropy(x, weight=weights),
    "smooth": lambda x: entropy(x, label_smoothing=0.15),
    "both": lambda x: entropy(x, label_smoothing=0.15, ignore_index=0),
    "huber": lambda x: F.huber_loss(x, z, delta=0.7),
    "binary": lambda x: F.binary_cross_entropy_with_logits(x, torch.sigmoid(z)),
    "hinge": lambda x: torch.relu(1 - torch.sign(z) * x).mean(),
    "ctc": ctc,
}
tensors = {"x": x, "z": z, "t": t, "lengths": lengths}
for name, loss in losses.items():
    leaf = x.clone().requires_grad_()
    value = loss(leaf)
    value.backward()
    tensors[name], tensors[f"{name}.gradient"] = value.detach(), leaf.grad

header, body = {}, b""
for name, tensor in tensors.items():
    data = tensor.contiguous().numpy().tobytes()
    kind = {torch.float64: "F64", torch.int32: "I32"}[tensor.dtype]
    header[name] = {
        "dtype": kind, "shape": list(tensor.shape), "data_offsets": [len(body), len(body) + len(data)]}
    body += data
text = json.dumps(header).encode()
text += b" " * (-len(text) % 8)
pathlib.Path(__file__).with_suffix(".safetensors").write_bytes(struct.pack("<Q", len(text)) + text + body)

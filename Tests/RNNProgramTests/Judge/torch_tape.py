"""The functions of `tape` on PyTorch's tensors and derivatives: a second judge.

PyTorch gives NaN where `where` hides an infinite derivative, so this one is for programs without such branches.
"""

import numpy as np
import torch

torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)


def leaf(numbers):
    return torch.tensor(np.asarray(numbers, dtype=np.float64), requires_grad=True)


def tensor(x):
    return x if torch.is_tensor(x) else torch.tensor(np.asarray(x, dtype=np.float64))


def value(x):
    return tensor(x).detach().numpy()


def restart():
    pass


def margin():
    """Kinks are looked for by the other judge."""
    return np.inf


def gradients(loss, leaves):
    if not (torch.is_tensor(loss) and loss.requires_grad) or not leaves:
        return [np.zeros(tuple(x.shape)) for x in leaves]
    found = torch.autograd.grad(loss, leaves, allow_unused=True)
    return [np.zeros(tuple(x.shape)) if g is None else g.numpy() for x, g in zip(leaves, found)]


def lifted(function):
    return lambda *arguments: function(*[tensor(a) for a in arguments])


add, subtract = lifted(torch.add), lifted(torch.subtract)
multiply, divide = lifted(torch.multiply), lifted(torch.divide)
negate, tanh, sigmoid = lifted(torch.negative), lifted(torch.tanh), lifted(torch.sigmoid)
exp, log, sqrt, rsqrt = lifted(torch.exp), lifted(torch.log), lifted(torch.sqrt), lifted(torch.rsqrt)
sin, cos, square, absolute = lifted(torch.sin), lifted(torch.cos), lifted(torch.square), lifted(torch.abs)
softplus = lifted(lambda x: torch.logaddexp(torch.zeros(()), x))
expm1, log1p, erf = lifted(torch.expm1), lifted(torch.log1p), lifted(torch.erf)
floor, rounded = lifted(torch.floor), lifted(torch.round)
power, atan2, logaddexp = lifted(torch.pow), lifted(torch.atan2), lifted(torch.logaddexp)
silu, gelu = lifted(torch.nn.functional.silu), lifted(torch.nn.functional.gelu)
# Its own derivative by limits of another shape fails.
clamp = lifted(lambda x, low, high: torch.clamp(*torch.broadcast_tensors(x, low, high)))
sign, relu = lifted(torch.sign), lifted(torch.relu)
maximum, minimum = lifted(torch.maximum), lifted(torch.minimum)
less, less_or_equal = lifted(torch.lt), lifted(torch.le)
greater, greater_or_equal = lifted(torch.gt), lifted(torch.ge)


def where(mask, a, b):
    if isinstance(a, int) and isinstance(b, int):  # tokens
        return a if mask else b
    return torch.where(mask if torch.is_tensor(mask) else torch.tensor(bool(mask)), tensor(a), tensor(b))


stop_gradient = lambda x: tensor(x).detach()
straight_through = lambda hard, soft: tensor(soft) + (tensor(hard) - tensor(soft)).detach()


def clip_gradient(x, bound):
    y = tensor(x).clone()
    if y.requires_grad:
        y.register_hook(lambda g: g.clamp(-bound, bound))
    return y


part = lambda x, index: tensor(x)[index]
transpose = lifted(torch.t)
matmul = lifted(torch.matmul)
concat = lambda *parts: torch.cat([tensor(p) for p in parts])
total_of, max_of, min_of = lifted(torch.sum), lifted(torch.max), lifted(torch.min)
dot = lifted(torch.dot)
softmax = lambda x: torch.softmax(tensor(x), 0)
log_softmax = lambda x: torch.log_softmax(tensor(x), 0)
logsumexp = lambda x: torch.logsumexp(tensor(x), 0)
norm = lifted(torch.linalg.vector_norm)
outer = lifted(torch.outer)
stack = lambda *parts: torch.stack([tensor(p) for p in parts])
rows_of = lambda x, count: tensor(x).expand(count, -1)
reshape = lambda x, shape: tensor(x).reshape(shape)
argmax = lambda x: int(torch.argmax(tensor(x)))


def detached_maximum(items):
    return torch.stack([tensor(x).detach() for x in items]).max(0).values


def constant(numbers, shape):
    return torch.tensor(np.broadcast_to(np.asarray(numbers, dtype=np.float64), shape).copy())


shape = lambda x: tuple(tensor(x).shape)
count = lambda x: tensor(x).numel()
rank = lambda x: tensor(x).ndim
rows = lambda x: tensor(x).shape[0]
numbers = value

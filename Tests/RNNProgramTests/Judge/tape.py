"""Reverse-mode derivatives of numpy arrays in double precision, for the judge of random programs.

An adjoint that is exactly zero says that a value does not reach the loss there: it stays zero whatever it is multiplied
by, so that what a branch that is not taken computes does not matter. An adjoint that is not zero meets an infinite
derivative and becomes infinite.
"""

import math

import numpy as np

np.seterr(all="ignore")

TAPE = []


class Margin:
    """The smallest distance of any argument from a place where a function has a kink or a step."""

    least = np.inf

    @classmethod
    def note(cls, distances):
        distances = np.abs(np.asarray(distances))
        distances = distances[~np.isnan(distances)]
        if distances.size:
            cls.least = min(cls.least, distances.min())


class Var:
    """A number array with its adjoint, and how that goes on to what the array was computed from."""

    __slots__ = ("value", "adjoint", "parents")

    def __init__(self, value, *parents):
        self.value = np.asarray(value, dtype=np.float64)
        self.adjoint = None
        self.parents = [(p, send) for p, send in parents if isinstance(p, Var)]
        if self.parents:
            TAPE.append(self)

    @property
    def shape(self):
        return self.value.shape


def leaf(value):
    """A value whose derivative is asked for."""
    variable = Var(value)
    TAPE.append(variable)
    return variable


def value(x):
    """The numbers of a variable or of a number."""
    return x.value if isinstance(x, Var) else np.asarray(x, dtype=np.float64)


def restart():
    """Forgets what was computed before."""
    TAPE.clear()
    Margin.least = np.inf


def margin():
    return Margin.least


def gradients(loss, leaves):
    """The derivatives of a scalar by each of the leaves."""
    if isinstance(loss, Var):
        loss.adjoint = np.ones(())
    for variable in reversed(TAPE):
        if variable.adjoint is None:
            continue
        for parent, send in variable.parents:
            sent = send(variable.adjoint)
            axes = tuple(range(sent.ndim - parent.value.ndim))
            sent = sent.sum(axes)
            parent.adjoint = sent if parent.adjoint is None else parent.adjoint + sent
    return [np.zeros(x.shape) if x.adjoint is None else x.adjoint for x in leaves]


def times(adjoint, derivative):
    """The product in which a zero adjoint is stronger than infinity and NaN."""
    return np.where(adjoint == 0, 0.0, adjoint * derivative)


def depends(x):
    return isinstance(x, Var)


# Elementwise

def add(a, b):
    return Var(value(a) + value(b), (a, lambda g: g), (b, lambda g: g))


def subtract(a, b):
    return Var(value(a) - value(b), (a, lambda g: g), (b, lambda g: -g))


def multiply(a, b):
    u, v = value(a), value(b)
    return Var(u * v, (a, lambda g: times(g, v)), (b, lambda g: times(g, u)))


def divide(a, b):
    u, v = value(a), value(b)
    return Var(u / v, (a, lambda g: times(g, 1 / v)), (b, lambda g: times(g, -u / (v * v))))


def unary(function, derivative):
    """A function of each element, and its derivative from argument and result."""

    def apply(x):
        u = value(x)
        y = function(u)
        return Var(y, (x, lambda g: times(g, derivative(u, y))))

    return apply


def kinked(function, derivative, distance=lambda u: u):
    """The same for a function with kinks or steps, at 0 or where else the distance from the nearest one is 0."""
    apply = unary(function, derivative)

    def check(x):
        if depends(x):
            Margin.note(distance(value(x)))
        return apply(x)

    return check


def logistic(u):
    return 0.5 * (1 + np.tanh(0.5 * u))


negate = unary(lambda u: -u, lambda u, y: -np.ones_like(u))
tanh = unary(np.tanh, lambda u, y: 1 / np.cosh(np.clip(u, -300, 300)) ** 2)
sigmoid = unary(logistic, lambda u, y: logistic(u) * logistic(-u))
exp = unary(np.exp, lambda u, y: y)
log = unary(np.log, lambda u, y: 1 / u)
sqrt = unary(np.sqrt, lambda u, y: 0.5 / y)
rsqrt = unary(lambda u: 1 / np.sqrt(u), lambda u, y: -0.5 * y / u)
sin = unary(np.sin, lambda u, y: np.cos(u))
cos = unary(np.cos, lambda u, y: -np.sin(u))
softplus = unary(lambda u: np.logaddexp(0, u), lambda u, y: logistic(u))
expm1 = unary(np.expm1, lambda u, y: np.exp(u))
log1p = unary(np.log1p, lambda u, y: 1 / (1 + u))
erf = unary(np.vectorize(math.erf, otypes=[float]), lambda u, y: 2 / np.sqrt(np.pi) * np.exp(-u * u))
silu = unary(lambda u: u * logistic(u), lambda u, y: logistic(u) * (1 + u * logistic(-u)))
normal = np.vectorize(lambda u: 0.5 * (1 + math.erf(u * math.sqrt(0.5))), otypes=[float])
gelu = unary(lambda u: u * normal(u), lambda u, y: normal(u) + u * np.exp(-0.5 * u * u) / np.sqrt(2 * np.pi))
square = unary(lambda u: u * u, lambda u, y: 2 * u)
absolute = kinked(np.abs, lambda u, y: np.sign(u))
sign = kinked(np.sign, lambda u, y: np.zeros_like(u))
floor = kinked(np.floor, lambda u, y: np.zeros_like(u), lambda u: u - np.rint(u))
rounded = kinked(np.rint, lambda u, y: np.zeros_like(u), lambda u: u - np.floor(u) - 0.5)


def relu(x):
    if depends(x):
        Margin.note(value(x))
    return where(~(value(x) <= 0), x, 0.0)


def clamp(x, low, high):
    if depends(x) or depends(low):
        Margin.note(value(x) - value(low))
    raised = where(value(x) < value(low), low, x)
    if depends(raised) or depends(high):
        Margin.note(value(raised) - value(high))
    return where(value(high) < value(raised), high, raised)


def power(a, b):
    u, v = value(a), value(b)
    y = np.power(u, v)
    return Var(
        y,
        (a, lambda g: times(g, np.where(v == 0, 0.0, v * np.power(u, v - 1)))),
        (b, lambda g: times(g, np.where(u > 0, y * np.log(u), 0.0))))


def atan2(a, b):
    u, v = value(a), value(b)
    square = u * u + v * v
    return Var(np.arctan2(u, v), (a, lambda g: times(g, v / square)), (b, lambda g: times(g, -u / square)))


def logaddexp(a, b):
    u, v = value(a), value(b)
    return Var(np.logaddexp(u, v), (a, lambda g: times(g, logistic(u - v))), (b, lambda g: times(g, logistic(v - u))))


def maximum(a, b):
    return greater_of(a, b, value(a) >= value(b))


def minimum(a, b):
    return greater_of(a, b, value(a) <= value(b))


def greater_of(a, b, first):
    if depends(a) or depends(b):
        Margin.note(value(a) - value(b))
    return where(first, a, b)


def where(mask, a, b):
    if isinstance(a, int) and isinstance(b, int):  # tokens
        return a if mask else b
    return Var(
        np.where(mask, value(a), value(b)),
        (a, lambda g: np.where(mask, g, 0.0)), (b, lambda g: np.where(mask, 0.0, g)))


def compare(holds):
    def apply(a, b):
        if depends(a) or depends(b):
            Margin.note(value(a) - value(b))
        return holds(value(a), value(b))

    return apply


less, less_or_equal = compare(np.less), compare(np.less_equal)
greater, greater_or_equal = compare(np.greater), compare(np.greater_equal)


# Derivatives that are not those of the value

def stop_gradient(x):
    return Var(value(x))


def straight_through(hard, soft):
    return Var(value(hard), (soft, lambda g: g))


def clip_gradient(x, bound):
    return Var(value(x), (x, lambda g: np.clip(g, -bound, bound)))


# Parts and products

def moved(x, indices):
    """Elements of `x` at `indices` of its flat form, in the shape of the indices."""

    def send(g):
        sent = np.zeros(value(x).size)
        np.add.at(sent, indices.reshape(-1), g.reshape(-1))
        return sent.reshape(value(x).shape)

    return Var(value(x).reshape(-1)[indices], (x, send))


def part(x, index):
    """`x[index]` for a place, a slice or a token."""
    return moved(x, np.arange(value(x).size).reshape(value(x).shape)[index])


def transpose(x):
    return Var(value(x).T, (x, lambda g: g.T))


def matmul(a, b):
    u, v = value(a), value(b)
    left = u[None, :] if u.ndim == 1 else u
    right = v[:, None] if v.ndim == 1 else v
    y = left @ right
    if u.ndim == 1:
        y = y[0]
    if v.ndim == 1:
        y = y[..., 0]

    def full(g):
        return g.reshape(left.shape[0], right.shape[1])

    return Var(
        y,
        (a, lambda g: times(full(g)[:, None, :], right[None, :, :]).sum(2).reshape(u.shape)),
        (b, lambda g: times(full(g)[:, None, :], left[:, :, None]).sum(0).reshape(v.shape)))


def concat(*parts):
    values = [value(p) for p in parts]
    starts = np.cumsum([0] + [v.shape[0] for v in values])

    def send(i):
        return lambda g: g[starts[i]:starts[i + 1]]

    return Var(np.concatenate(values), *[(p, send(i)) for i, p in enumerate(parts)])


def stack(*parts):
    """The parts along a new first axis."""

    def send(i):
        return lambda g: g[i]

    return Var(np.stack([value(p) for p in parts]), *[(p, send(i)) for i, p in enumerate(parts)])


def outer(a, b):
    u, v = value(a)[:, None], value(b)[None, :]
    return Var(
        u * v, (a, lambda g: times(g, v).sum(1)), (b, lambda g: times(g, u).sum(0)))


def rows_of(x, count):
    """What has so many rows, each of which is `x`."""
    return stack(*[x] * count)


def reshape(x, shape):
    return moved(x, np.arange(value(x).size).reshape(shape))


# Reductions of vectors

def total_of(x):
    return Var(value(x).sum(), (x, lambda g: np.full(value(x).shape, g)))


def dot(a, b):
    return total_of(multiply(a, b))


def extreme_of(x, place):
    u = value(x)
    if depends(x) and u.size > 1:
        Margin.note(u[place(u)] - np.delete(u, place(u)))
    return part(x, place(u))


def max_of(x):
    return extreme_of(x, np.argmax)


def min_of(x):
    return extreme_of(x, np.argmin)


def softmax(x):
    u = value(x)
    p = np.exp(u - u.max())
    p = p / p.sum()
    return Var(p, (x, lambda g: times(g, p) - p * times(g, p).sum()))


def log_softmax(x):
    u = value(x)
    y = u - u.max()
    y = y - np.log(np.exp(y).sum())
    return Var(y, (x, lambda g: g - np.exp(y) * g.sum()))


def logsumexp(x):
    u = value(x)
    p = np.exp(u - u.max())
    return Var(np.log(p.sum()) + u.max(), (x, lambda g: times(g, p / p.sum())))


def norm(x):
    """The derivative at 0 is 0."""
    u = value(x)
    y = np.sqrt((u * u).sum())
    if depends(x):
        Margin.note(y)
    return Var(y, (x, lambda g: times(g, u / y) if y != 0 else np.zeros_like(u)))


def argmax(x):
    u = value(x)
    if u.size > 1:
        Margin.note(u.max() - np.delete(u, np.argmax(u)))
    return int(np.argmax(u))


def detached_maximum(items):
    """The greatest of each element, as numbers without derivative."""
    return np.max([value(x) for x in items], axis=0)


# What the language's functions need to know of values

def constant(numbers, shape):
    return Var(np.broadcast_to(np.asarray(numbers, dtype=np.float64), shape).copy())


def shape(x):
    return value(x).shape


def count(x):
    return value(x).size


def rank(x):
    return value(x).ndim


def rows(x):
    return value(x).shape[0]


numbers = value

"""Reverse-mode derivatives of numpy arrays in double precision, for the judge of random programs.

An adjoint that is exactly zero says that a value does not reach the loss there: it stays zero whatever it is multiplied
by, so that what a branch that is not taken computes does not matter. An adjoint that is not zero meets an infinite
derivative and becomes infinite.
"""

import math

import numpy as np

np.seterr(all="ignore")

TAPE = []
# Whether operations are written down; not while the adjoints of the loss go back, which nobody differentiates.
RECORDS = [True]


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
    """A number array, and how its adjoint, a variable, goes on to what the array was computed from."""

    __slots__ = ("value", "parents", "place")

    def __init__(self, value, *parents):
        self.value = np.asarray(value, dtype=np.float64)
        self.place = len(TAPE)
        self.parents = [(p, send) for p, send in parents if isinstance(p, Var)] if RECORDS[0] else []
        if self.parents:
            TAPE.append(self)

    @property
    def shape(self):
        return self.value.shape


def leaf(value):
    """A value whose derivative is asked for."""
    return Var(value)


def value(x):
    """The numbers of a variable or of a number."""
    return x.value if isinstance(x, Var) else np.asarray(x, dtype=np.float64)


def restart():
    """Forgets what was computed before."""
    TAPE.clear()
    Margin.least = np.inf


def margin():
    return Margin.least


def adjoints(y, start):
    """The derivatives of a scalar by what was computed after the first `start` variables, by their identity."""
    found = {id(y): Var(np.ones(()))}
    for variable in reversed(TAPE[start:]):
        adjoint = found.get(id(variable))
        if adjoint is None:
            continue
        for parent, send in variable.parents:
            sent = summed(send(adjoint), parent.value.ndim)
            other = found.get(id(parent))
            found[id(parent)] = sent if other is None else add(other, sent)
    return found


def gradients(loss, leaves):
    """The derivatives of a scalar by each of the leaves."""
    RECORDS[0] = False
    found = adjoints(loss, 0) if isinstance(loss, Var) else {}
    RECORDS[0] = True
    return [found[id(x)].value if id(x) in found else np.zeros(x.shape) for x in leaves]


def watched(x):
    """The value, as one that others are differentiated by."""
    return Var(value(x), (x, lambda g: g))


def grad(y, x):
    """The derivative of a scalar by a variable, as a variable."""
    found = adjoints(y, x.place).get(id(x))
    return Var(np.zeros(x.shape)) if found is None else found


def summed(x, rank):
    """The sum over the axes in front of the last `rank`."""
    axes = tuple(range(x.value.ndim - rank))
    return Var(x.value.sum(axes), (x, lambda g: filled(g, x.shape))) if axes else x


def filled(x, shape):
    """The value at every place of leading axes."""
    return Var(np.broadcast_to(value(x), shape), (x, lambda g: g))


def times(adjoint, derivative):
    """The product in which a zero adjoint is stronger than infinity and NaN."""
    g, d = value(adjoint), value(derivative)
    return Var(
        np.where(g == 0, 0.0, g * d), (adjoint, lambda h: times(h, derivative)),
        (derivative, lambda h: times(h, adjoint)))


def depends(x):
    return isinstance(x, Var)


# Elementwise

def add(a, b):
    return Var(value(a) + value(b), (a, lambda g: g), (b, lambda g: g))


def subtract(a, b):
    return Var(value(a) - value(b), (a, lambda g: g), (b, lambda g: negate(g)))


def multiply(a, b):
    return Var(value(a) * value(b), (a, lambda g: times(g, b)), (b, lambda g: times(g, a)))


def divide(a, b):
    return Var(
        value(a) / value(b), (a, lambda g: times(g, divide(1, b))),
        (b, lambda g: times(g, negate(divide(a, multiply(b, b))))))


def unary(function, derivative):
    """A function of each element, and its derivative from argument and result."""

    def apply(x):
        y = Var(function(value(x)), (x, lambda g: times(g, derivative(x, y))))
        return y

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


def both_sides(x):
    """The derivative of the logistic function."""
    return multiply(sigmoid(x), sigmoid(negate(x)))


def bell(x):
    """The density of the normal distribution."""
    return multiply(1 / np.sqrt(2 * np.pi), exp(multiply(-0.5, square(x))))


negate = unary(lambda u: -u, lambda x, y: -1.0)
tanh = unary(np.tanh, lambda x, y: multiply(4, both_sides(multiply(2, x))))
sigmoid = unary(logistic, lambda x, y: both_sides(x))
exp = unary(np.exp, lambda x, y: y)
log = unary(np.log, lambda x, y: divide(1, x))
sqrt = unary(np.sqrt, lambda x, y: divide(0.5, y))
rsqrt = unary(lambda u: 1 / np.sqrt(u), lambda x, y: divide(multiply(-0.5, y), x))
sin = unary(np.sin, lambda x, y: cos(x))
cos = unary(np.cos, lambda x, y: negate(sin(x)))
softplus = unary(lambda u: np.logaddexp(0, u), lambda x, y: sigmoid(x))
expm1 = unary(np.expm1, lambda x, y: exp(x))
log1p = unary(np.log1p, lambda x, y: divide(1, add(1, x)))
erf = unary(
    np.vectorize(math.erf, otypes=[float]),
    lambda x, y: multiply(2 / np.sqrt(np.pi), exp(negate(square(x)))))
silu = unary(
    lambda u: u * logistic(u), lambda x, y: multiply(sigmoid(x), add(1, multiply(x, sigmoid(negate(x))))))
normal = unary(
    np.vectorize(lambda u: 0.5 * (1 + math.erf(u * math.sqrt(0.5))), otypes=[float]), lambda x, y: bell(x))
gelu = unary(lambda u: u * value(normal(u)), lambda x, y: add(normal(x), multiply(x, bell(x))))
square = unary(lambda u: u * u, lambda x, y: multiply(2, x))
absolute = kinked(np.abs, lambda x, y: np.sign(value(x)))
sign = kinked(np.sign, lambda x, y: 0.0)
floor = kinked(np.floor, lambda x, y: 0.0, lambda u: u - np.rint(u))
rounded = kinked(np.rint, lambda x, y: 0.0, lambda u: u - np.floor(u) - 0.5)


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
    y = Var(
        np.power(u, v),
        (a, lambda g: times(g, where(v == 0, 0.0, multiply(b, power(a, subtract(b, 1)))))),
        (b, lambda g: times(g, where(u > 0, multiply(y, log(a)), 0.0))))
    return y


def atan2(a, b):
    def share(x):
        return divide(x, add(square(a), square(b)))

    return Var(
        np.arctan2(value(a), value(b)), (a, lambda g: times(g, share(b))),
        (b, lambda g: times(g, negate(share(a)))))


def logaddexp(a, b):
    return Var(
        np.logaddexp(value(a), value(b)), (a, lambda g: times(g, sigmoid(subtract(a, b)))),
        (b, lambda g: times(g, sigmoid(subtract(b, a)))))


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
        (a, lambda g: where(mask, g, 0.0)), (b, lambda g: where(mask, 0.0, g)))


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
    def send(g):
        if RECORDS[0]:
            Margin.note(np.abs(value(g)) - bound)
        return where(value(g) > bound, bound, where(value(g) < -bound, -bound, g))

    return Var(value(x), (x, send))


# Parts and products

def moved(x, indices):
    """Elements of `x` at `indices` of its flat form, in the shape of the indices."""

    return Var(value(x).reshape(-1)[indices], (x, lambda g: placed(g, indices, value(x).shape)))


def placed(x, indices, shape):
    """Zeros, to which the elements of `x` are added at `indices` of the flat form."""
    sums = np.zeros(math.prod(shape))
    np.add.at(sums, indices.reshape(-1), value(x).reshape(-1))
    return Var(sums.reshape(shape), (x, lambda g: moved(g, indices)))


def part(x, index):
    """`x[index]` for a place, a slice or a token."""
    return moved(x, np.arange(value(x).size).reshape(value(x).shape)[index])


def transpose(x):
    return Var(value(x).T, (x, transpose))


def reshape(x, shape):
    return Var(value(x).reshape(shape), (x, lambda g: reshape(g, value(x).shape)))


def product(a, b, is_strong=False):
    """The product of two matrices; the zeros of the first may be stronger than infinity and NaN."""
    u, v = value(a), value(b)
    y = np.where(u[:, :, None] == 0, 0.0, u[:, :, None] * v[None, :, :]).sum(1) if is_strong else u @ v
    return Var(
        y, (a, lambda g: product(g, transpose(b), True)),
        (b, lambda g: transpose(product(transpose(g), a, True))))


def matmul(a, b):
    u, v = value(a), value(b)
    left = reshape(a, (1, u.size)) if u.ndim == 1 else a
    right = reshape(b, (v.size, 1)) if v.ndim == 1 else b
    return reshape(product(left, right), u.shape[:-1] + v.shape[1:])


def concat(*parts):
    values = [value(p) for p in parts]
    starts = np.cumsum([0] + [v.shape[0] for v in values])

    def send(i):
        return lambda g: part(g, slice(starts[i], starts[i + 1]))

    return Var(np.concatenate(values), *[(p, send(i)) for i, p in enumerate(parts)])


def stack(*parts):
    """The parts along a new first axis."""

    def send(i):
        return lambda g: part(g, i)

    return Var(np.stack([value(p) for p in parts]), *[(p, send(i)) for i, p in enumerate(parts)])


def outer(a, b):
    return product(reshape(a, (value(a).size, 1)), reshape(b, (1, value(b).size)))


def rows_of(x, count):
    """What has so many rows, each of which is `x`."""
    return stack(*[x] * count)


# Reductions of vectors

def total_of(x):
    return Var(value(x).sum(), (x, lambda g: filled(g, value(x).shape)))


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

    def send(g):
        share = times(g, y)
        return subtract(share, multiply(y, total_of(share)))

    y = Var(p / p.sum(), (x, send))
    return y


def log_softmax(x):
    u = value(x)
    shifted = u - u.max()
    y = Var(
        shifted - np.log(np.exp(shifted).sum()), (x, lambda g: subtract(g, multiply(exp(y), total_of(g)))))
    return y


def logsumexp(x):
    u = value(x)
    return Var(np.log(np.exp(u - u.max()).sum()) + u.max(), (x, lambda g: times(g, softmax(x))))


def norm(x):
    """The derivative at 0 is 0."""
    u = value(x)
    if depends(x):
        Margin.note(np.sqrt((u * u).sum()))
    y = Var(np.sqrt((u * u).sum()), (x, lambda g: times(g, divide(x, y) if value(y) != 0 else 0.0)))
    return y


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

"""The meaning of the language for one example, step by step, on the functions of `tape` or `torch_tape`.

A sequence is a `Sequence` of the values of its steps. A function of values is computed at every step where an argument
is a sequence; parameters, numbers and single values are then the same for every step.
"""


import numpy as np


class Sequence(list):
    """The values of the steps of one example: as many as it has, without any beyond its end."""


def install(tape):
    """Makes the functions of the language from those of a tape; gives them by name."""

    def stepwise(function):
        def apply(*arguments):
            lengths = {len(a) for a in arguments if isinstance(a, Sequence)}
            if not lengths:
                return function(*arguments)
            assert len(lengths) == 1, "sequences of different numbers of steps meet"
            return Sequence(
                function(*[a[i] if isinstance(a, Sequence) else a for a in arguments])
                for i in range(lengths.pop()))

        return apply

    def zeros(shape):
        return tape.constant(0.0, shape)

    def mean_of(x):
        return tape.multiply(tape.total_of(x), 1 / tape.count(x))

    def over(function):
        """A function of vectors, of each column (axis 0) or row (axis 1) of a matrix."""

        def apply(x, axis):
            lines = tape.transpose(x) if axis == 0 else x
            results = tape.stack(*[function(tape.part(lines, i)) for i in range(tape.rows(lines))])
            return tape.transpose(results) if axis == 0 and tape.rank(results) == 2 else results

        return stepwise(apply)

    def each(function, rank):
        """A function of values of so many axes at most, on each place of the axes that stacks have in front."""

        def apply(*values):
            if max(tape.rank(v) for v in values) <= rank:
                return function(*values)
            return tape.stack(*[
                apply(*[tape.part(v, i) for v in values]) for i in range(tape.rows(values[0]))])

        return apply

    def each_row(function, *values):
        return stepwise(lambda *rows: tape.stack(*[
            function(*[tape.part(x, i) for x in rows]) for i in range(tape.rows(rows[0]))]))(*values)

    def split(x, parts):
        size = tape.rows(x) // parts
        return tuple(tape.part(x, slice(i * size, (i + 1) * size)) for i in range(parts))

    def split_steps(x, parts):
        if not isinstance(x, Sequence):
            return split(x, parts)
        steps = [split(step, parts) for step in x]
        return tuple(Sequence(step[i] for step in steps) for i in range(parts))

    def cross_entropy(x, token, smoothing=0):
        logarithms = tape.log_softmax(x)
        found = tape.negate(tape.part(logarithms, token))
        if smoothing == 0:
            return found
        spread = tape.multiply(mean_of(logarithms), -smoothing)
        return tape.add(tape.multiply(found, 1 - smoothing), spread)

    def mse(a, b):
        difference = tape.square(tape.subtract(a, b))
        while tape.rank(difference) > 1:
            difference = tape.concat(*[tape.part(difference, i) for i in range(tape.rows(difference))])
        return difference if tape.rank(difference) == 0 else mean_of(difference)

    def onehot(token, size):
        return tape.constant([1.0 if i == token else 0.0 for i in range(size)], (size,))

    # Whole sequences. `shape` is that of a step, for sequences without any.

    def last(s, shape):
        return s[-1] if s else zeros(shape)

    def total(s, shape):
        sum = zeros(shape)
        for step in s:
            sum = tape.add(sum, step)
        return sum

    def softmax_steps(s):
        if not s:
            return s
        greatest = tape.detached_maximum(s)
        powers = [tape.exp(tape.subtract(step, greatest)) for step in s]
        sum = powers[0]
        for power in powers[1:]:
            sum = tape.add(sum, power)
        return Sequence(tape.divide(power, sum) for power in powers)

    # Random draws, which the program under test tells: `seen` is what it put out, or None outside of training.

    def bernoulli(p, like, seen):
        return tape.add(p, tape.constant(0.0, tape.shape(like))) if seen is None else seen

    def dropout(x, rate, seen):
        if seen is None:
            return x
        return tape.multiply(x, tape.constant((tape.numbers(seen) != 0) / (1 - rate), tape.shape(x)))

    def drawn(middle, like, seen):
        return tape.constant(middle, tape.shape(like)) if seen is None else seen

    def sample(logits, seen):
        return tape.argmax(logits) if seen is None else int(tape.numbers(seen))

    def gumbel_softmax(logits, temperature, seen):
        if seen is None:
            return tape.softmax(tape.divide(logits, temperature))
        # What was added to the logits, but for a number that softmax does not see.
        noise = tape.numbers(temperature) * np.log(tape.numbers(seen)) - tape.numbers(logits)
        return tape.softmax(tape.divide(tape.add(logits, tape.constant(noise, noise.shape)), temperature))

    names = """add subtract multiply divide negate tanh sigmoid exp log sqrt rsqrt sin cos softplus square absolute
        expm1 log1p erf floor rounded power atan2 logaddexp silu gelu clamp sign relu maximum minimum where less less_or_equal greater greater_or_equal part transpose matmul concat dot
        max_of min_of softmax log_softmax argmax""".split()
    functions = {name: stepwise(getattr(tape, name)) for name in names}
    functions.update({name: stepwise(each(getattr(tape, name), 2)) for name in ("matmul", "transpose")})
    matrices = "logsumexp norm outer rows_of reshape".split()
    functions.update({name: stepwise(getattr(tape, name)) for name in matrices})
    functions.update({
        name + "_over": over(function) for name, function in [
            ("sum", tape.total_of), ("mean", mean_of), ("max", tape.max_of), ("min", tape.min_of),
            ("softmax", tape.softmax), ("log_softmax", tape.log_softmax), ("logsumexp", tape.logsumexp),
            ("norm", tape.norm)]})
    functions.update({
        "sum_of": stepwise(tape.total_of), "mean_of": stepwise(mean_of), "mse": stepwise(mse),
        "cross_entropy": stepwise(cross_entropy), "onehot": stepwise(onehot), "split": split_steps,
        "same": stepwise(lambda a, b: a == b), "different": stepwise(lambda a, b: a != b),
        "bernoulli": stepwise(bernoulli), "dropout": stepwise(dropout),
        "drawn": stepwise(drawn), "sample": stepwise(sample), "gumbel_softmax": stepwise(gumbel_softmax),
        "last": last, "total": total, "softmax_steps": softmax_steps,
        "columns_of": stepwise(lambda v, count: tape.transpose(tape.rows_of(v, count))),
        "reverse": lambda s: Sequence(reversed(s)),
        "repeat": lambda v, like: Sequence(v for _ in like),
        "stop_gradient": stepwise(tape.stop_gradient), "straight_through": stepwise(tape.straight_through),
        "clip_gradient": stepwise(tape.clip_gradient),
        "table": lambda shape, element: tape.constant(
            np.array([element(*place) for place in np.ndindex(*shape)]).reshape(shape), shape),
        "watched": stepwise(tape.watched), "grad": stepwise(tape.grad),
        "square_root": lambda x: x ** 0.5,
        "each": each_row, "stepwise": stepwise, "Cell": Cell, "Heads": lambda *arguments: Heads(tape, *arguments), "Sequence": Sequence, "zeros": zeros,
    })
    return functions


class Cell:
    """An instance of a cell. A subclass declares states and instances, and computes a step.

    `step(old, new, …)` reads states of the step before from `old`, and writes those behind the step into `new`, under
    their paths. `draws` are the random draws of the step, by path.
    """

    def __init__(self, path, parameters):
        self.path = path
        self.parameters = parameters
        self.states = []  # name, shape, and a value that the cell declares or None
        self.inside = []
        self.draws = {}
        self.applications = 0
        self.final = {}

    def declared(self):
        """All states with those of the instances inside: path, shape, declared first value."""
        own = [(self.path + "." + name, shape, first) for name, shape, first in self.states]
        return own + [state for inner in self.inside for state in inner.declared()]

    def drawn(self, name):
        return self.draws.get(self.path + "." + name)

    def set_draws(self, draws):
        self.draws = draws
        for inner in self.inside:
            inner.set_draws(draws)


class Part:
    """The parameters or values of one copy: a place of the first axis of each."""

    def __init__(self, tape, values, place):
        self.tape, self.values, self.place = tape, values, place

    def __getitem__(self, name):
        return self.tape.part(self.values[name], self.place)


class Members:
    """What has the same name in all copies."""

    def __init__(self, tape, copies):
        self.tape, self.copies = tape, copies

    def __getattr__(self, name):
        members = [getattr(copy, name) for copy in self.copies]
        isCell = isinstance(members[0], (Cell, Members))
        return Members(self.tape, members) if isCell else self.tape.stack(*members)


class Heads(Cell):
    """Copies of a cell side by side: each value of them together has a first axis for the copies."""

    def __init__(self, tape, count, cell, path, parameters, sizes):
        Cell.__init__(self, path, parameters)
        self.tape = tape
        self.copies = [cell(path, Part(tape, parameters, i), sizes) for i in range(count)]
        self.outputs = self.copies[0].outputs

    def __getattr__(self, name):
        return getattr(Members(self.tape, self.copies), name)

    def declared(self):
        together = []
        for states in zip(*[copy.declared() for copy in self.copies]):
            path, shape, first = states[0]
            if first is not None and not isinstance(first, (int, float)):
                first = self.tape.stack(*[first for _, _, first in states])
            together.append((path, (len(states),) + tuple(shape), first))
        return together

    def set_draws(self, draws):
        for i, copy in enumerate(self.copies):
            copy.set_draws({path: None if draw is None else self.tape.part(draw, i)
                            for path, draw in draws.items() if path.startswith(self.path + ".")})

    def step(self, old, new, *values):
        def part(v, i):
            return Sequence(self.tape.part(w, i) for w in v) if isinstance(v, Sequence) else self.tape.part(v, i)

        news = [{} for _ in self.copies]
        results = [
            copy.step(Part(self.tape, old, i), news[i], *[part(v, i) for v in values])
            for i, copy in enumerate(self.copies)]
        for path in news[0]:
            new[path] = self.tape.stack(*[own[path] for own in news])
        if self.outputs == 1:
            return self.tape.stack(*results)
        return tuple(self.tape.stack(*own) for own in zip(*results))


class Run:
    """Runs a model for one example."""

    def __init__(self, tape, parameters, data, states, seen):
        self.tape = tape
        self.parameters = parameters
        self.data = data
        self.given = states  # makes the first value of a state that the caller gives, from name and shape
        self.seen = seen  # outputs that tell random draws, or None outside of training
        self.final = {}

    def draw(self, name):
        return None if self.seen is None else self.seen[name]

    def apply(self, cell, number, arguments, whole=(), start=None, draws=()):
        """Applies an instance for the time `number`: along sequences, or to single values for one step.

        `whole` has the places of arguments that each step sees whole, `start` the first values of all states, and
        `draws` the paths of draws with the outputs of the model that tell them.
        """
        steps = [a for i, a in enumerate(arguments) if i not in whole and isinstance(a, Sequence)]
        assert len({len(s) for s in steps}) <= 1, "sequences of different numbers of steps meet"
        declared = cell.declared()
        state = {}
        for i, (path, shape, first) in enumerate(declared):
            if start is not None:
                state[path] = start[i]
            elif first is not None:
                state[path] = self.tape.constant(first, shape) if isinstance(first, (int, float)) else first
            else:
                state[path] = self.given(self.name(cell, number, path), shape)
        seen = {cell.path + path: self.draw(name) for path, name in draws}
        results = []
        for t in range(len(steps[0]) if steps else 1):
            at = lambda v: v[t] if isinstance(v, Sequence) else v
            new = {}
            cell.set_draws({path: at(v) for path, v in seen.items()})
            results.append(cell.step(
                state, new, *[a if i in whole else at(a) for i, a in enumerate(arguments)]))
            state = new
        cell.final = state
        cell.finals = [state[path] for path, _, _ in declared]
        for path, _, _ in declared:
            self.final[self.name(cell, number, path)] = state[path]
        if not steps:
            return results[0]
        if cell.outputs == 1:
            return Sequence(results)
        return tuple(Sequence(result[i] for result in results) for i in range(cell.outputs))

    def name(self, cell, number, path):
        return path if number == 1 else cell.path + "@" + str(number) + path[len(cell.path):]

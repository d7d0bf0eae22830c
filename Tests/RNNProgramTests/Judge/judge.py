"""Computes the programs of a folder step by step: values, loss, and derivatives.

    python3 judge.py FOLDER [tape | torch_tape]

For each NAME.py with its tensors in NAME.in.safetensors, the results go to NAME.out.safetensors. A program defines

    BATCH                  the number of examples
    PARAMETERS             names of parameters
    DATA                   for each input and target: its steps or None, and whether it holds tokens
    LENGTHS                for each ragged number of steps, the tensor that holds the examples' lengths
    OUTPUTS                for each output, its steps or None
    MEANS                  for each loss and measure its name, "steps", "example" or "program": what there is one for, and
                           whether it is a loss
    model(run)             what computes one example: the outputs, and values and weights of losses and measures

Tensors called seen.NAME are outputs of the program under test that tell its random draws.
"""

import importlib
import json
import pathlib
import struct
import sys

import numpy as np

import language
import library

TYPES = {"F64": np.float64, "F32": np.float32, "I64": np.int64, "I32": np.int32}


def read(path):
    data = path.read_bytes()
    length = struct.unpack("<Q", data[:8])[0]
    header, body = json.loads(data[8:8 + length]), data[8 + length:]
    return {
        name: np.frombuffer(body[slice(*t["data_offsets"])], TYPES[t["dtype"]]).reshape(t["shape"])
        for name, t in header.items() if name != "__metadata__"}


def write(path, tensors):
    header, body = {}, b""
    for name, array in tensors.items():
        data = np.ascontiguousarray(array, dtype=np.float64).tobytes()
        header[name] = {
            "dtype": "F64", "shape": list(np.shape(array)), "data_offsets": [len(body), len(body) + len(data)]}
        body += data
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + body)


class Judge:
    """One program with its tensors."""

    def __init__(self, tape, program, tensors):
        self.tape, self.program, self.tensors = tape, program, tensors
        self.leaves = []  # name, place in the gradient, leaf
        self.shapes = {}
        self.seen = any(name.startswith("seen.") for name in tensors)

    def leaf(self, name, shape, place, numbers):
        variable = self.tape.leaf(numbers)
        self.shapes.setdefault(name, shape)
        self.leaves.append((name, place, variable))
        return variable

    def steps(self, symbol, example):
        """How many steps of these an example has."""
        if symbol in self.program["LENGTHS"]:
            return int(self.tensors[self.program["LENGTHS"][symbol]][example])
        return next(
            len(self.tensors[name]) for name, (steps, _) in self.program["DATA"].items() if steps == symbol)

    def datum(self, name, example):
        steps, is_token = self.program["DATA"][name]
        tensor = self.tensors[name]
        if steps is None:
            if is_token:
                return int(tensor[example])
            return self.leaf(name, tensor.shape, (example,), tensor[example])
        count = self.steps(steps, example)
        if is_token:
            return language.Sequence(int(tensor[t, example]) for t in range(count))
        self.shapes.setdefault(name, tensor.shape)
        return language.Sequence(
            self.leaf(name, tensor.shape, (t, example), tensor[t, example]) for t in range(count))

    def told(self, example):
        """The outputs that tell random draws, for an example."""
        found = {}
        for name, steps in self.program["OUTPUTS"].items():
            tensor = self.tensors.get("seen." + name)
            if tensor is None:
                continue
            if steps is None:
                found[name] = self.tape.constant(tensor[example], tensor.shape[1:])
            else:
                found[name] = language.Sequence(
                    self.tape.constant(tensor[t, example], tensor.shape[2:])
                    for t in range(self.steps(steps, example)))
        return found

    def run(self):
        program, tape, tensors = self.program, self.tape, self.tensors
        parameters = {
            name: self.leaf(name, tensors[name].shape, (), tensors[name]) for name in program["PARAMETERS"]}
        outputs, means, finals = [], [], []
        for example in range(program["BATCH"]):
            data = {name: self.datum(name, example) for name in program["DATA"]}

            def given(name, shape):
                tensor = tensors[name][example] if name in tensors else np.zeros(shape)
                return self.leaf(name, (program["BATCH"],) + tuple(shape), (example,), tensor)

            run = language.Run(
                tape, parameters, data, given, self.told(example) if self.seen else None)
            output, mean = program["model"](run)
            outputs.append(output)
            finals.append(run.final)
            means.append(mean)
        results = {name: self.gather(name, outputs) for name in program["OUTPUTS"]}
        for name in finals[0]:
            results[name] = np.stack([tape.value(final[name]) for final in finals])
        loss = None
        for number, (name, kind, is_loss) in enumerate(program["MEANS"]):
            mean = self.mean(kind, [values[number] for values in means])
            results[name] = tape.value(mean)
            if is_loss:
                loss = mean if loss is None else tape.add(loss, mean)
        results["loss"] = tape.value(loss)
        for name, shape in self.shapes.items():
            results["grad." + name] = np.zeros(shape)
        gradients = tape.gradients(loss, [variable for _, _, variable in self.leaves])
        for (name, place, _), gradient in zip(self.leaves, gradients):
            results["grad." + name][place] += gradient
        results["margin"] = np.asarray(tape.margin())
        return results

    def gather(self, name, outputs):
        """An output of all examples as one array: 0 where an example has no step."""
        steps = self.program["OUTPUTS"][name]
        values = [output[name] for output in outputs]
        number = lambda v: np.asarray(v) if isinstance(v, int) else self.tape.value(v)
        if steps is None:
            return np.stack([number(v) for v in values])
        longest = next(
            len(self.tensors[n]) for n, (s, _) in self.program["DATA"].items() if s == steps)
        shape = next((number(v[0]).shape for v in values if v), ())
        array = np.zeros((longest, len(values)) + shape)
        for b, sequence in enumerate(values):
            for t, v in enumerate(sequence):
                array[t, b] = number(v)
        return array

    def mean(self, kind, values):
        """The weighted mean of what each example has; without weights, each step or example counts 1."""
        if kind == "program":
            return values[0][0]
        pairs = []
        for value, weights in values:
            steps = value if kind == "steps" else [value]
            for i, term in enumerate(steps):
                is_sequence = isinstance(weights, language.Sequence)
                pairs.append((term, 1.0 if weights is None else weights[i] if is_sequence else weights))
        sum = total = None
        for term, weight in pairs:
            if self.tape.value(weight) == 0:
                continue
            part = self.tape.multiply(term, weight)
            sum = part if sum is None else self.tape.add(sum, part)
            total = weight if total is None else self.tape.add(total, weight)
        return self.tape.constant(0.0, ()) if sum is None else self.tape.divide(sum, total)


def main(folder, tape_name="tape"):
    tape = importlib.import_module(tape_name)
    functions = language.install(tape)
    functions.update(library.install(functions))
    failed = False
    for path in sorted(pathlib.Path(folder).glob("*.py")):
        tape.restart()
        # A file of this name is about a program outside of training.
        program = dict(functions, training=0.0 if path.stem.endswith("-mean") else 1.0)
        try:
            exec(compile(path.read_text(), path.name, "exec"), program)
            results = Judge(tape, program, read(path.with_suffix(".in.safetensors"))).run()
            write(path.with_suffix(".out.safetensors"), results)
        except Exception as error:
            failed = True
            place = error.__traceback__
            while place.tb_next:
                place = place.tb_next
            print(f"{path.name}: {type(error).__name__}: {error} ({place.tb_frame.f_code.co_filename}, "
                  f"line {place.tb_lineno})", file=sys.stderr)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main(*sys.argv[1:])

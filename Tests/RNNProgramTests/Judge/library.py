"""Cells of the standard library, from the equations of their papers, with the parameters' names and layouts."""


def install(f):
    """Makes the cells from the functions of the language."""
    Cell, add, subtract, multiply, matmul = (
        f[name] for name in ("Cell", "add", "subtract", "multiply", "matmul"))
    tanh, sigmoid, split = f["tanh"], f["sigmoid"], f["split"]

    class Layer(Cell):
        outputs = 1
        names = ()

        def __init__(c, path, P, sizes):
            Cell.__init__(c, path, P)
            c.sizes = sizes
            for name in c.names:
                setattr(c, name, P[path + "." + name])

    class Linear(Layer):
        names = ("W", "b")

        def step(c, old, new, x):
            return add(matmul(c.W, x), c.b)

    class Embedding(Layer):
        names = ("E",)

        def step(c, old, new, x):
            return f["part"](c.E, x)

    class LayerNorm(Layer):
        names = ("gain", "bias")

        def step(c, old, new, x):
            centred = subtract(x, f["mean_of"](x))
            variance = f["mean_of"](multiply(centred, centred))
            return add(multiply(c.gain, f["divide"](centred, f["sqrt"](add(variance, 1e-5)))), c.bias)

    class Recurrent(Layer):
        names = ("W", "U", "b_x", "b_h")

        def __init__(c, path, P, sizes):
            Layer.__init__(c, path, P, sizes)
            c.states = [(name, (sizes[1],), None) for name in c.carried]

    class RNN(Recurrent):
        carried = ("h",)

        def step(c, old, new, x):
            h = old[c.path + ".h"]
            new[c.path + ".h"] = y = tanh(add(add(matmul(c.W, x), c.b_x), add(matmul(c.U, h), c.b_h)))
            return y

    class GRU(Recurrent):
        carried = ("h",)

        def step(c, old, new, x):
            h = old[c.path + ".h"]
            r_x, z_x, n_x = split(add(matmul(c.W, x), c.b_x), 3)
            r_h, z_h, n_h = split(add(matmul(c.U, h), c.b_h), 3)
            z = sigmoid(add(z_x, z_h))
            n = tanh(add(n_x, multiply(sigmoid(add(r_x, r_h)), n_h)))
            new[c.path + ".h"] = y = add(multiply(subtract(1, z), n), multiply(z, h))
            return y

    class LSTM(Recurrent):
        carried = ("h", "c")

        def step(c, old, new, x):
            sums = add(add(matmul(c.W, x), c.b_x), add(matmul(c.U, old[c.path + ".h"]), c.b_h))
            i, f, g, o = split(sums, 4)
            cell = add(multiply(sigmoid(f), old[c.path + ".c"]), multiply(sigmoid(i), tanh(g)))
            new[c.path + ".c"] = cell
            new[c.path + ".h"] = y = multiply(sigmoid(o), tanh(cell))
            return y

    return {cell.__name__: cell for cell in (Linear, Embedding, LayerNorm, RNN, GRU, LSTM)}

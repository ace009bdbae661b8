"""Functional models of `keras.ops`, with inputs and predictions of the real Keras, for `tests/operations.rs`.

    python make_op_samples.py FOLDER [NAME...]

writes FOLDER/ops/NAME/{model.keras, x_i.npy, pred_i.npy} for every case below, and
FOLDER/names.txt, the public functions of `keras.ops` with the classes that their graphs have.
    python make_op_samples.py --check FOLDER
opens each FOLDER/ops/NAME/again.keras, which wgrad wrote, and compares its predictions.
    python make_op_samples.py --pack FOLDER OUT.zip
packs the smallest sample of each class, and those that are named behind.
"""
import os, sys, re, json, inspect, shutil, zipfile
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["CUDA_VISIBLE_DEVICES"] = ""
import numpy as np
import keras
from keras import ops

CASES = []


class Spec:
    def __init__(self, shape, values, dtype="float32"):
        self.shape, self.values, self.dtype = shape, values, dtype


def rng(shape, seed):
    return np.random.RandomState(seed + sum(shape) * 7 + len(shape))


def f(*shape, low=-2.0, high=2.0, batch=4):
    """Floats; the batch comes in front."""
    return Spec(shape, lambda i: rng(shape, i).uniform(low, high, (batch, *shape)).astype("float32"))


def pos(*shape, low=0.2, high=3.0, batch=4):
    return f(*shape, low=low, high=high, batch=batch)


def ints(*shape, low=-5, high=6, batch=4, dtype="int32"):
    return Spec(shape, lambda i: rng(shape, i).randint(low, high, (batch, *shape)).astype(dtype), dtype)


def bools(*shape, batch=4):
    return Spec(shape, lambda i: rng(shape, i).rand(batch, *shape) > 0.5, "bool")


def nans(*shape, batch=4):
    def values(i):
        x = rng(shape, i).uniform(-2, 2, (batch, *shape)).astype("float32")
        x[rng(shape, i + 1).rand(batch, *shape) > 0.75] = np.nan
        return x
    return Spec(shape, values)


def special(*shape, batch=4):
    def values(i):
        x = rng(shape, i).uniform(-2, 2, (batch, *shape)).astype("float32")
        r = rng(shape, i + 1).rand(batch, *shape)
        x[r > 0.9] = np.nan
        x[(r > 0.8) & (r <= 0.9)] = np.inf
        x[(r > 0.7) & (r <= 0.8)] = -np.inf
        return x
    return Spec(shape, values)


def case(name, fn, *specs):
    CASES.append((name, fn, specs))


# ---- elementwise, one tensor
unary = {
    "abs": f, "absolute": f, "fabs": f, "angle": f, "arccos": lambda *s: f(*s, low=-0.9, high=0.9), "arccosh": lambda *s: pos(*s, low=1.1),
    "arcsin": lambda *s: f(*s, low=-0.9, high=0.9), "arcsinh": f, "arctan": f, "arctanh": lambda *s: f(*s, low=-0.9, high=0.9),
    "cbrt": f, "ceil": f, "conj": f, "conjugate": f, "copy": f, "cos": f, "cosh": f, "deg2rad": f, "rad2deg": f, "exp": f, "exp2": f,
    "expm1": f, "floor": f, "i0": f, "imag": f, "isfinite": special, "isinf": special, "isnan": special, "isneginf": special,
    "isposinf": special, "isreal": f, "log": pos, "log10": pos, "log1p": pos, "log2": pos, "nan_to_num": special, "negative": f,
    "real": f, "reciprocal": pos, "round": f, "sign": f, "signbit": f, "sin": f, "sinc": f, "sinh": f, "sqrt": pos, "square": f,
    "tan": lambda *s: f(*s, low=-1, high=1), "tanh": f, "trunc": f, "ravel": f, "logical_not": bools, "bitwise_invert": ints,
    "bitwise_not": ints, "rsqrt": pos, "erf": f, "erfc": f, "erfinv": lambda *s: f(*s, low=-0.95, high=0.95),
    "relu": f, "relu6": lambda *s: f(*s, low=-3, high=9), "sigmoid": f, "sparse_sigmoid": f, "softplus": f, "softsign": f,
    "soft_shrink": f, "sparse_plus": f, "silu": f, "swish": f, "squareplus": f, "log_sigmoid": f, "leaky_relu": f, "hard_sigmoid": f,
    "hard_silu": f, "hard_swish": f, "elu": f, "selu": f, "gelu": f, "celu": f, "tanh_shrink": f, "hard_tanh": f, "hard_shrink": f,
    "ones_like": f, "zeros_like": f, "size": f, "ndim": f, "stop_gradient": f,
}
for name, make in unary.items():
    case(name, getattr(ops, name), make(4, 6))
for name in ["abs", "negative", "square", "sign", "exp", "sqrt", "log", "sin", "floor", "ceil", "round", "trunc", "relu", "sigmoid",
             "isnan", "isfinite", "reciprocal", "conj", "tanh", "erf", "rsqrt", "cbrt", "expm1", "deg2rad", "nan_to_num", "isposinf", "i0",
             "real", "imag", "angle", "sinc", "exp2", "log2", "softmax", "arctan", "signbit", "fabs", "isreal", "arcsinh", "cosh", "logical_not"]:
    case(name + "_int", getattr(ops, name), ints(3, 4, low=1, high=9))
case("logical_not_float", ops.logical_not, f(3))
for name in ["exp", "abs", "sum", "mean", "sqrt", "max"]:
    case(name + "_bool", getattr(ops, name), bools(4))

# ---- elementwise, two tensors
number = ["add", "subtract", "multiply", "divide", "true_divide", "floor_divide", "mod", "fmod", "maximum", "minimum", "fmax", "fmin",
          "divide_no_nan", "equal", "not_equal", "greater", "greater_equal", "less", "less_equal", "arctan2", "hypot", "logaddexp",
          "logaddexp2", "heaviside", "nextafter", "isclose"]
for name in number:
    fn = getattr(ops, name)
    case(name, fn, f(4, 5), f(5))
    case(name + "_scalar", lambda x, fn=fn: fn(x, 1.5), f(4, 5))
    case(name + "_left", lambda x, fn=fn: fn(1.5, x), f(4, 5))
    case(name + "_int", fn, ints(4, 5, low=1), ints(5, low=1))
    case(name + "_int_scalar", lambda x, fn=fn: fn(x, 2), ints(4, 5))
    case(name + "_constant", lambda x, fn=fn: fn(x, np.linspace(-1, 2, 5).astype("float32")), f(4, 5))
    case(name + "_list", lambda x, fn=fn: fn(x, [1.0, 2.0, -1.5]), f(4, 3))
    case(name + "_mixed", fn, ints(4, 3), f(3))
case("power", ops.power, pos(4, 5), f(5))
case("power_scalar", lambda x: ops.power(x, 2), f(4, 5))
case("power_left", lambda x: ops.power(2.0, x), f(4, 5))
case("power_int", lambda x: ops.power(x, 2), ints(4, 5))
case("power_neg", lambda x: ops.power(x, -1.5), pos(4, 5))
case("power_intbase", lambda x: ops.power(x, 3), f(4, 5))
for name in ["logical_and", "logical_or", "logical_xor"]:
    fn = getattr(ops, name)
    case(name, fn, bools(4, 5), bools(5))
    case(name + "_float", fn, f(4, 5), ints(5, low=0, high=2))
    case(name + "_scalar", lambda x, fn=fn: fn(x, True), bools(4, 5))
for name in ["bitwise_and", "bitwise_or", "bitwise_xor", "bitwise_left_shift", "bitwise_right_shift", "left_shift", "right_shift", "gcd", "lcm"]:
    fn = getattr(ops, name)
    case(name, fn, ints(4, 5, low=0, high=20), ints(5, low=1, high=5))
    case(name + "_scalar", lambda x, fn=fn: fn(x, 2), ints(4, 5, low=0, high=20))
case("ldexp", ops.ldexp, f(4, 5), ints(5))
case("ldexp_scalar", lambda x: ops.ldexp(x, 3), f(4, 5))
case("isclose_tol", lambda x: ops.isclose(x, 0.5, rtol=0.5, atol=0.3), f(4, 5))
case("isclose_nan", lambda x: ops.isclose(x, x, equal_nan=True), special(4, 5))
case("allclose", lambda x, y: ops.allclose(x, y), f(4), f(4))
case("allclose_same", lambda x: ops.allclose(x, x + 1e-9), f(4))
case("add_uint8", lambda x: x + 3, ints(4, low=0, high=255, dtype="uint8"))
case("mul_uint8_float", lambda x: x * 0.5, ints(4, low=0, high=255, dtype="uint8"))
case("add_bool_int", lambda x: x + 1, bools(4))
case("add_constant_int64", lambda x: x + np.arange(5), ints(4, 5))
case("add_constant_f64", lambda x: x + np.arange(5.0), f(4, 5))
case("add_constant_scalar", lambda x: x + np.float32(0.25), f(4, 5))
case("add_tensor", lambda x: x + ops.convert_to_tensor([[1.0], [2.0]]), f(2, 5))
case("add_tensor_0d", lambda x: x + ops.convert_to_tensor(2.5), f(2, 5))

# ---- operators
operators = {
    "op_add": lambda x, y: x + y, "op_sub": lambda x, y: x - y, "op_mul": lambda x, y: x * y, "op_div": lambda x, y: x / y,
    "op_floordiv": lambda x, y: x // y, "op_mod": lambda x, y: x % y, "op_lt": lambda x, y: x < y, "op_le": lambda x, y: x <= y,
    "op_gt": lambda x, y: x > y, "op_ge": lambda x, y: x >= y, "op_ne": lambda x, y: x != y,
    "op_radd": lambda x, y: 2.0 + x, "op_rsub": lambda x, y: 2.0 - x, "op_rmul": lambda x, y: 2 * x, "op_rdiv": lambda x, y: 1 / x,
    "op_rpow": lambda x, y: 2 ** x, "op_rfloordiv": lambda x, y: 7 // x, "op_rmod": lambda x, y: 7 % x, "op_neg": lambda x, y: -x,
    "op_abs": lambda x, y: abs(x), "op_pow": lambda x, y: x ** 2, "op_pow_y": lambda x, y: x ** y, "op_round": lambda x, y: round(x, 1),
    "op_and": lambda x, y: (x > 1) & (y > 1), "op_or": lambda x, y: (x > 1) | (y > 1), "op_xor": lambda x, y: (x > 1) ^ (y > 1),
    "op_not": lambda x, y: ~(x > 1), "op_chain": lambda x, y: ((x + y) * 2 - x / (y + 1)) ** 2 % 3,
    "op_constants": lambda x, y: x * np.array([1, 2, 3, 4, 5], "float32") + np.ones((4, 5), "float32"),
    "op_and_true": lambda x, y: True & (x > 1),
}
for name, fn in operators.items():
    case(name, fn, pos(4, 5), pos(4, 5))
case("op_matmul", lambda x, y: x @ y, f(4, 5), f(5, 2))
case("op_rmatmul", lambda x: np.ones((2, 4), "float32") @ x if False else ops.matmul(np.arange(8, dtype="float32").reshape(2, 4), x), f(4, 5))
case("op_matmul_constant", lambda x: x @ np.arange(10, dtype="float32").reshape(5, 2), f(4, 5))
items = {
    "last": lambda x: x[..., 1:], "int": lambda x: x[:, 2], "neg": lambda x: x[:, -1], "steps": lambda x: x[:, ::2, ::-1],
    "new": lambda x: x[:, None], "newlast": lambda x: x[..., None], "mixed": lambda x: x[:, 1, None, 2:4], "first": lambda x: x[0],
    "range": lambda x: x[:, 1:3, 0], "negrange": lambda x: x[:, -3:-1], "ellmid": lambda x: x[:, ..., 0], "slice": lambda x: x[1:],
    "back": lambda x: x[:, 3:0:-1], "all": lambda x: x[...], "two": lambda x: x[:, 1][:, 2], "empty": lambda x: x[:, 2:2],
    "outrange": lambda x: x[:, 1:100], "batchstep": lambda x: x[::2],
}
for name, fn in items.items():
    case("getitem_" + name, fn, f(5, 6))
case("getitem_rank4", lambda x: x[..., ::2, 1:, 0], f(4, 4, 3))
case("get_item", lambda x: ops.get_item(x, (slice(None), slice(1, 3))), f(5, 6))

# ---- reductions
reductions = ["sum", "prod", "max", "min", "amax", "amin", "mean", "var", "std", "median", "ptp", "any", "all", "logsumexp", "argmax", "argmin",
              "nanmax", "nanmin", "nansum", "nanprod", "nanmean", "nanvar", "nanstd", "nanmedian", "nanargmax", "nanargmin"]
for name in reductions:
    fn = getattr(ops, name)
    make = nans if name.startswith("nan") else f
    case(name + "_none", fn, make(3, 4))
    case(name + "_axis1", lambda x, fn=fn: fn(x, axis=1), make(3, 4, 5))
    case(name + "_last", lambda x, fn=fn: fn(x, axis=-1), make(3, 4))
    case(name + "_keep1", lambda x, fn=fn: fn(x, axis=1, keepdims=True), make(3, 4))
    case(name + "_nonekeep", lambda x, fn=fn: fn(x, keepdims=True), make(3, 4))
    if "arg" not in name:
        case(name + "_tuple", lambda x, fn=fn: fn(x, axis=(1, 3)), make(3, 4, 5))
        case(name + "_keep", lambda x, fn=fn: fn(x, axis=(1, 2), keepdims=True), make(3, 4, 5))
        case(name + "_list", lambda x, fn=fn: fn(x, axis=[-1, 1]), make(3, 4, 5))
    if not name.startswith("nan"):
        case(name + "_ints", lambda x, fn=fn: fn(x, axis=1), ints(6, 2, low=1, high=5))
        case(name + "_bools", lambda x, fn=fn: fn(x, axis=1), bools(6, 2))
case("max_initial", lambda x: ops.max(x, axis=1, initial=1.0), f(4, 5))
case("min_initial", lambda x: ops.min(x, axis=1, initial=-1.0), f(4, 5))
case("prod_dtype", lambda x: ops.prod(x, axis=1, dtype="int32"), f(4, 5))
case("count_nonzero", lambda x: ops.count_nonzero(x), ints(4, 5, low=-1, high=2))
case("count_nonzero_axis", lambda x: ops.count_nonzero(x, axis=1), ints(4, 5, low=-1, high=2))
case("count_nonzero_tuple", lambda x: ops.count_nonzero(x, axis=(1, 2)), f(4, 5))
case("average", lambda x: ops.average(x), f(4, 5))
case("average_axis", lambda x: ops.average(x, axis=1), f(4, 5))
case("average_weights", lambda x: ops.average(x, axis=1, weights=np.array([1.0, 2.0, 3.0, 4.0], "float32")), f(4, 5))
case("average_tensor", lambda x, w: ops.average(x, axis=1, weights=w), f(4, 5), pos(4, 5))
case("average_tuple", lambda x: ops.average(x, axis=(1, 2)), f(4, 5))
for method in ["linear", "lower", "higher", "midpoint", "nearest"]:
    case("quantile_" + method, lambda x, m=method: ops.quantile(x, 0.3, axis=1, method=m), f(7, 2))
    case("percentile_" + method, lambda x, m=method: ops.percentile(x, 30.0, axis=-1, method=m), f(7, 4))
    case("nanquantile_" + method, lambda x, m=method: ops.nanquantile(x, 0.3, axis=1, method=m), nans(7, 2))
for name, qs in [("quantile", [0.1, 0.5, 0.9]), ("percentile", [10.0, 50.0, 90.0]), ("nanquantile", [0.1, 0.5]), ("nanpercentile", [25.0, 75.0])]:
    fn = getattr(ops, name)
    make = nans if name.startswith("nan") else f
    case(name + "_list", lambda x, fn=fn, q=qs: fn(x, q, axis=1), make(7, 2))
    case(name + "_array", lambda x, fn=fn, q=qs: fn(x, np.array(q, "float32"), axis=(1, 2)), make(7, 2))
    case(name + "_none", lambda x, fn=fn, q=qs: fn(x, q[0]), make(7, 2))
    case(name + "_keep", lambda x, fn=fn, q=qs: fn(x, q[0], axis=1, keepdims=True), make(7, 2))
    case(name + "_listkeep", lambda x, fn=fn, q=qs: fn(x, q, axis=1, keepdims=True), make(7, 2))
case("moments", lambda x: ops.moments(x, axes=[1]), f(4, 5))
case("moments_keep", lambda x: ops.moments(x, axes=[1, 2], keepdims=True), f(4, 5))
case("moments_0", lambda x: ops.moments(x, axes=0), f(4, 5))
for name in ["cumsum", "cumprod", "nancumsum", "nancumprod"]:
    fn = getattr(ops, name)
    make = nans if name.startswith("nan") else f
    case(name, fn, make(3, 4))
    case(name + "_axis", lambda x, fn=fn: fn(x, axis=1), make(3, 4))
    case(name + "_last", lambda x, fn=fn: fn(x, axis=-1), make(3, 4))
    case(name + "_dtype", lambda x, fn=fn: fn(x, axis=1, dtype="int32"), f(3, 4))
    case(name + "_int", lambda x, fn=fn: fn(x, axis=1), ints(3, 4))
case("diff", lambda x: ops.diff(x), f(5, 6))
case("diff_2", lambda x: ops.diff(x, n=2, axis=1), f(5, 6))
case("diff_int", lambda x: ops.diff(x, axis=1), ints(5, 6))
case("trapezoid", lambda y: ops.trapezoid(y), f(4, 6))
case("trapezoid_dx", lambda y: ops.trapezoid(y, dx=0.5, axis=1), f(4, 6))
case("trapezoid_x", lambda y: ops.trapezoid(y, x=[0.0, 1.0, 3.0, 4.0], axis=-1), f(2, 4))

# ---- shapes
case("reshape", lambda x: ops.reshape(x, (-1, 12)), f(3, 4))
case("reshape_3", lambda x: ops.reshape(x, (-1, 2, 6)), f(3, 4))
case("reshape_flat", lambda x: ops.reshape(x, (-1,)), f(3, 4))
case("reshape_int", lambda x: ops.reshape(x, -1), f(3, 4))
case("reshape_method", lambda x: x.reshape((-1, 4)), f(3, 4))
case("squeeze", lambda x: ops.squeeze(x, axis=1), f(1, 4))
case("squeeze_none", lambda x: ops.squeeze(x), f(1, 4, 1))
case("squeeze_tuple", lambda x: ops.squeeze(x, axis=(1, 3)), f(1, 4, 1))
case("squeeze_method", lambda x: x.squeeze(-1), f(4, 1))
case("expand_dims", lambda x: ops.expand_dims(x, axis=1), f(3, 4))
case("expand_dims_last", lambda x: ops.expand_dims(x, axis=-1), f(3, 4))
case("expand_dims_tuple", lambda x: ops.expand_dims(x, axis=(1, -1)), f(3, 4))
case("expand_dims_list", lambda x: ops.expand_dims(x, axis=[1, 2]), f(3, 4))
case("transpose", lambda x: ops.transpose(x), f(3, 4))
case("transpose_axes", lambda x: ops.transpose(x, axes=(0, 2, 1)), f(3, 4))
case("transpose_neg", lambda x: ops.transpose(x, axes=[0, -1, -2]), f(3, 4))
case("swapaxes", lambda x: ops.swapaxes(x, 1, -1), f(3, 4, 5))
case("moveaxis", lambda x: ops.moveaxis(x, 1, -1), f(3, 4, 5))
case("moveaxis_tuple", lambda x: ops.moveaxis(x, (1, 2), (-1, 1)), f(3, 4, 5))
case("broadcast_to", lambda x: ops.broadcast_to(x, (2, 3, 4)), f(1, 4, batch=2))
case("broadcast_to_new", lambda x: ops.broadcast_to(ops.sum(x, axis=0), (2, 3, 4)), f(4))
case("ravel_1", lambda x: ops.ravel(x), f(2, 3, 4))
case("flip", lambda x: ops.flip(x), f(3, 4))
case("flip_axis", lambda x: ops.flip(x, axis=1), f(3, 4))
case("flip_tuple", lambda x: ops.flip(x, axis=(1, 2)), f(3, 4))
case("fliplr", lambda x: ops.fliplr(x), f(3, 4))
case("flipud", lambda x: ops.flipud(x), f(3, 4))
case("rot90", lambda x: ops.rot90(x, axes=(1, 2)), f(3, 4))
case("rot90_2", lambda x: ops.rot90(x, k=2, axes=(1, 2)), f(3, 4, 2))
case("rot90_3", lambda x: ops.rot90(x, k=3, axes=(1, 2)), f(3, 4, 2))
case("rot90_m1", lambda x: ops.rot90(x, k=-1, axes=(2, 1)), f(4, 4))
case("rot90_default", lambda x: ops.rot90(x), f(4))
case("roll", lambda x: ops.roll(x, 2), f(3, 4))
case("roll_axis", lambda x: ops.roll(x, -1, axis=1), f(3, 4))
case("roll_tuple", lambda x: ops.roll(x, (1, 2), axis=(1, 2)), f(3, 4))
case("tile", lambda x: ops.tile(x, (1, 2, 3)), f(3, 4))
case("tile_short", lambda x: ops.tile(x, [2]), f(3, 4))
case("tile_int", lambda x: ops.tile(x, 2), f(3, 4))
case("tile_long", lambda x: ops.tile(x, (2, 1, 1, 2)), f(3, 4))
case("repeat", lambda x: ops.repeat(x, 2, axis=1), f(3, 4))
case("repeat_none", lambda x: ops.repeat(x, 2), f(3, 4))
case("repeat_list", lambda x: ops.repeat(x, [1, 2, 3], axis=1), f(3, 4))
case("repeat_neg", lambda x: ops.repeat(x, 3, axis=-1), f(3, 4))
case("concatenate", lambda x, y: ops.concatenate([x, y], axis=1), f(3, 4), f(2, 4))
case("concatenate_last", lambda x, y: ops.concatenate([x, y, x], axis=-1), f(3, 4), f(3, 2))
case("concatenate_batch", lambda x, y: ops.concatenate([x, y]), f(3, 4), f(3, 4))
case("concatenate_mixed", lambda x, y: ops.concatenate([x, y], axis=-1), f(3), ints(3))
case("concatenate_constant", lambda x: ops.concatenate([ops.sum(x, axis=0), np.ones((2, 4), "float32")], axis=0), f(3, 4))
case("stack", lambda x, y: ops.stack([x, y], axis=1), f(3, 4), f(3, 4))
case("stack_0", lambda x, y: ops.stack([x, y]), f(3, 4), f(3, 4))
case("stack_last", lambda x, y: ops.stack((x, y, x), axis=-1), f(3, 4), f(3, 4))
case("hstack", lambda x, y: ops.hstack([x, y]), f(3, 4), f(2, 4))
case("vstack", lambda x, y: ops.vstack([x, y]), f(3), f(3))
case("dstack", lambda x, y: ops.dstack([x, y]), f(3), f(3))
case("dstack_3", lambda x, y: ops.dstack([x, y]), f(3, 2), f(3, 4))
case("append", lambda x, y: ops.append(x, y), f(3), f(2))
case("append_axis", lambda x, y: ops.append(x, y, axis=1), f(3, 4), f(2, 4))
case("unstack", lambda x: ops.unstack(x, axis=1), f(3, 4))
case("unstack_num", lambda x: ops.unstack(x, num=4, axis=-1), f(3, 4))
case("split", lambda x: ops.split(x, 2, axis=1), f(4, 3))
case("split_list", lambda x: ops.split(x, [1, 3], axis=-1), f(3, 5))
case("array_split", lambda x: ops.array_split(x, 3, axis=1), f(7, 2))
case("hsplit", lambda x: ops.hsplit(x, 2), f(4, 3))
case("vsplit", lambda x: ops.vsplit(x, [1]), f(4, 3))
case("dsplit", lambda x: ops.dsplit(x, 3), f(4, 3))
case("meshgrid", lambda x, y: ops.meshgrid(ops.sum(x, axis=0), ops.sum(y, axis=0)), f(3), f(4))
case("meshgrid_ij", lambda x, y: ops.meshgrid(ops.sum(x, axis=0), ops.sum(y, axis=0), indexing="ij"), f(3), f(4))
case("meshgrid_3", lambda x: ops.meshgrid(ops.sum(x, axis=0), np.arange(2.0, dtype="float32"), np.arange(4.0, dtype="float32")), f(3))
case("meshgrid_batch", lambda x, y: ops.meshgrid(x, y), f(2), f(3))
case("pad", lambda x: ops.pad(x, ((0, 0), (1, 2))), f(4))
case("pad_value", lambda x: ops.pad(x, ((0, 0), (1, 2), (0, 1)), constant_values=1.5), f(4, 3))
case("pad_reflect", lambda x: ops.pad(x, ((0, 0), (1, 2)), mode="reflect"), f(4))
case("pad_symmetric", lambda x: ops.pad(x, ((0, 0), (1, 2)), mode="symmetric"), f(4))
case("pad_int", lambda x: ops.pad(x, ((1, 1),)), f(4)) if False else None
case("pad_ints", lambda x: ops.pad(x, ((0, 0), (1, 0)), constant_values=7), ints(4))
case("diag", lambda x: ops.diag(ops.sum(x, axis=0)), f(4))
case("diag_k", lambda x: ops.diag(ops.sum(x, axis=0), k=-1), f(4))
case("diag_2d", lambda x: ops.diag(x, k=1), f(4))
case("diagflat", lambda x: ops.diagflat(ops.sum(x, axis=0), k=1), f(4))
case("diagflat_2d", lambda x: ops.diagflat(ops.sum(x, axis=0)), f(2, 2))
case("diagonal", lambda x: ops.diagonal(x, axis1=1, axis2=2), f(3, 4))
case("diagonal_off", lambda x: ops.diagonal(x, offset=1, axis1=-2, axis2=-1), f(3, 4))
case("diagonal_default", lambda x: ops.diagonal(x), f(4, 2))
case("trace", lambda x: ops.trace(x, axis1=1, axis2=2), f(4, 4))
case("trace_off", lambda x: ops.trace(x, offset=-1, axis1=1, axis2=2), f(4, 4))
for name in ["tril", "triu"]:
    fn = getattr(ops, name)
    case(name, fn, f(4, 5))
    case(name + "_k", lambda x, fn=fn: fn(x, k=1), f(4, 4))
    case(name + "_m", lambda x, fn=fn: fn(x, k=-2), f(2, 4, 5))
    case(name + "_int", fn, ints(4, 5))
case("vander", lambda x: ops.vander(ops.sum(x, axis=0)), f(4))
case("vander_n", lambda x: ops.vander(ops.sum(x, axis=0), N=3, increasing=True), f(4))
case("full_like", lambda x: ops.full_like(x, 2.5), f(3, 4))
case("full_like_dtype", lambda x: ops.full_like(x, 2, dtype="int32"), f(3, 4))
case("ones_like_dtype", lambda x: ops.ones_like(x, dtype="int32"), f(3, 4))
case("zeros_like_dtype", lambda x: ops.zeros_like(x, dtype="bool"), f(3, 4))
case("full_tensor", lambda x: ops.full((2, 3), ops.sum(x)), f(3))
case("array", lambda x: ops.array(x), f(3, 4))
case("array_dtype", lambda x: ops.array(x, dtype="int32"), f(3, 4))
case("view_int", lambda x: ops.view(x, dtype="int32"), f(3, 4))
case("depth_to_space", lambda x: ops.depth_to_space(x, 2), f(2, 3, 8))
case("space_to_depth", lambda x: ops.space_to_depth(x, 2), f(4, 6, 3))
case("depth_to_space_first", lambda x: ops.depth_to_space(x, 2, data_format="channels_first"), f(8, 2, 3))
case("space_to_depth_first", lambda x: ops.space_to_depth(x, 2, data_format="channels_first"), f(3, 4, 6))
case("rearrange", lambda x: ops.rearrange(x, "b h w -> b w h"), f(3, 4))
case("rearrange_merge", lambda x: ops.rearrange(x, "b h w -> b (h w)"), f(3, 4))
case("rearrange_split", lambda x: ops.rearrange(x, "b (h k) w -> b k h w", k=2), f(4, 3))

# ---- products
case("matmul", ops.matmul, f(4, 5), f(5, 2))
case("matmul_vec", lambda x: ops.matmul(x, np.arange(5, dtype="float32")), f(4, 5))
case("matmul_left", lambda x: ops.matmul(np.ones((2, 4), "float32"), x), f(4, 5))
case("matmul_int", ops.matmul, ints(4, 5), ints(5, 2))
case("matmul_broadcast", ops.matmul, f(2, 4, 5), f(1, 5, 3))
case("dot", lambda x: ops.dot(x, np.ones((5, 2), "float32")), f(4, 5))
case("dot_vec", lambda x: ops.dot(x, np.arange(5, dtype="float32")), f(5))
case("dot_scalar", lambda x: ops.dot(x, 2.0), f(5))
case("dot_nd", lambda x: ops.dot(ops.sum(x, axis=0), np.ones((2, 5, 3), "float32")), f(4, 5))
case("inner", lambda x: ops.inner(x, np.ones((2, 5), "float32")), f(5))
case("vdot", lambda x, y: ops.vdot(x, y), f(5), f(5))
case("vdot_1", lambda x, y: ops.vdot(ops.sum(x, axis=0), ops.sum(y, axis=0)), f(5), f(5))
case("outer", lambda x, y: ops.outer(x, y), f(2), f(3))
case("outer_int", lambda x: ops.outer(x, [1, 2, 3]), ints(2))
case("kron", lambda x: ops.kron(ops.sum(x, axis=0), np.arange(6, dtype="float32").reshape(2, 3)), f(4, 5))
case("kron_2", lambda x, y: ops.kron(x, y), f(4), f(2))
case("cross", ops.cross, f(3), f(3))
case("cross_axis", lambda x, y: ops.cross(x, y, axis=1), f(3, 4), f(3, 4))
case("cross_axes", lambda x, y: ops.cross(x, y, axisa=1, axisb=2, axisc=1), f(3, 4), f(4, 3))
case("cross_2d", lambda x, y: ops.cross(x, y), f(2), f(2))
case("cross_23", lambda x, y: ops.cross(x, y), f(2), f(3))
case("tensordot", lambda x: ops.tensordot(x, np.ones((5, 2), "float32"), axes=1), f(4, 5))
case("tensordot_2", lambda x: ops.tensordot(x, np.ones((4, 5, 2), "float32"), axes=2), f(4, 5))
case("tensordot_pairs", lambda x: ops.tensordot(x, np.ones((5, 4, 2), "float32"), axes=[[1, 2], [1, 0]]), f(4, 5))
case("tensordot_ints", lambda x: ops.tensordot(x, np.ones((4, 2), "float32"), axes=(1, 0)), f(4, 5))
case("tensordot_0", lambda x: ops.tensordot(x, np.ones((2,), "float32"), axes=0), f(4))
case("einsum_bmm", lambda x, y: ops.einsum("bij,bjk->bik", x, y), f(4, 5), f(5, 2))
case("einsum_trace", lambda x: ops.einsum("bii->b", x), f(4, 4))
case("einsum_const", lambda x: ops.einsum("bi,ij->bj", x, np.ones((5, 2), "float32")), f(5))
case("einsum_ell", lambda x: ops.einsum("...ij->...ji", x), f(2, 3, 4))
case("einsum_implicit", lambda x, y: ops.einsum("bij,bjk", x, y), f(4, 5), f(5, 2))
case("einsum_three", lambda x, y, z: ops.einsum("bi,bj,bk->bijk", x, y, z), f(2), f(3), f(2))
case("correlate", lambda x: ops.correlate(ops.sum(x, axis=0), np.array([1.0, 2.0, 0.5], "float32")), f(7))
case("correlate_same", lambda x: ops.correlate(ops.sum(x, axis=0), np.array([1.0, 2.0, 0.5], "float32"), mode="same"), f(7))
case("correlate_full", lambda x: ops.correlate(ops.sum(x, axis=0), np.array([1.0, 2.0, 0.5], "float32"), mode="full"), f(7))
case("corrcoef", lambda x: ops.corrcoef(x), f(5))
case("cdist", lambda x, y: ops.cdist(x, y), f(4, 3), f(5, 3))

# ---- selection, sorting, searching
case("where_two", lambda x, y: ops.where(x > 0, x, y), f(4, 5), f(4, 5))
case("where", lambda x, y: ops.where(x > 0, x, y), f(4, 5), f(5))
case("where_scalar", lambda x: ops.where(x > 0, x, -1.0), f(4, 5))
case("where_both", lambda x: ops.where(x > 0, 1.0, 0.0), f(4, 5))
case("where_ints", lambda x: ops.where(x > 0, 1, 0), f(4, 5))
case("where_inf", lambda x: ops.where(x > 0, x, -np.inf), f(4, 5))
case("where_mixed", lambda x, y: ops.where(x > 0, x, y), f(4, 5), ints(4, 5))
case("where_intcond", lambda x, y: ops.where(x, y, 0.0), ints(4, low=0, high=2), f(4))
case("select", lambda x: ops.select([x < -0.5, x < 0.5], [x, x * 2], default=9.0), f(4, 5))
case("select_default", lambda x: ops.select([x < -0.5, x < 0.5], [x, x * 2]), f(4, 5))
case("select_scalars", lambda x: ops.select([x < -0.5, x < 0.5], [ops.zeros_like(x), x]), f(4, 5))
case("clip", lambda x: ops.clip(x, -0.5, 1.0), f(4, 5))
case("clip_int", lambda x: ops.clip(x, -2, 3), ints(4, 5))
case("clip_int_float", lambda x: ops.clip(x, -1.5, 2.5), ints(4, 5))
case("clip_list", lambda x: ops.clip(x, [-1.0, -0.5, 0.0], 1.0), f(4, 3))
case("clip_none", lambda x: ops.clip(x, None, 1.0) if False else ops.clip(x, -1e9, 1.0), f(4, 5))
case("take", lambda x: ops.take(x, [0, 2], axis=1), f(4, 5))
case("take_flat", lambda x: ops.take(x, [0, 7, 3]), f(4, 5))
case("take_neg", lambda x: ops.take(x, [-1, 0], axis=-1), f(4, 5))
case("take_int", lambda x: ops.take(x, 2, axis=1), f(4, 5))
case("take_tensor", lambda x: ops.take(np.arange(30, dtype="float32").reshape(10, 3), x, axis=0), ints(4, low=0, high=10))
case("take_2d", lambda x: ops.take(x, np.array([[0, 1], [2, 3]]), axis=1), f(4, 5))
case("take_along_axis", lambda x, i: ops.take_along_axis(x, i, axis=1), f(4, 5), ints(2, 5, low=0, high=4))
case("take_along_axis_neg", lambda x, i: ops.take_along_axis(x, i, axis=-1), f(4, 5), ints(4, 2, low=-5, high=5))
case("take_along_axis_none", lambda x, i: ops.take_along_axis(x, ops.reshape(i, (-1,))), f(4), ints(2, low=0, high=9))
case("take_along_axis_sort", lambda x: ops.take_along_axis(x, ops.argsort(x, axis=1), axis=1), f(4, 5))
case("sort", ops.sort, f(4, 6))
case("sort_axis", lambda x: ops.sort(x, axis=1), f(4, 6))
case("sort_none", lambda x: ops.sort(x, axis=None), f(4, 3))
case("sort_int", ops.sort, ints(4, 6))
case("argsort", ops.argsort, f(4, 6))
case("argsort_axis", lambda x: ops.argsort(x, axis=1), f(4, 6))
case("argsort_none", lambda x: ops.argsort(x, axis=None), f(4, 3))
case("argpartition", lambda x: ops.take_along_axis(x, ops.argpartition(x, 2)[..., 2:3], axis=-1), f(6))
case("argpartition_axis", lambda x: ops.max(ops.take_along_axis(x, ops.argpartition(x, 1, axis=1)[:, :2], axis=1), axis=1), f(5, 3))
case("top_k", lambda x: ops.top_k(x, 3), f(4, 6))
case("top_k_unsorted", lambda x: ops.sort(ops.top_k(x, 2, sorted=False)[0]), f(4, 6))
case("top_k_int", lambda x: ops.top_k(x, 2)[0], ints(4, 6))
case("in_top_k", lambda t, p: ops.in_top_k(ops.reshape(t, (-1,)), p, 2), ints(1, low=0, high=6), f(6))
case("searchsorted", lambda x: ops.searchsorted(np.array([-1.0, 0.0, 0.5, 1.0], "float32"), ops.reshape(x, (-1,))), f(4, 5))
case("searchsorted_right", lambda x: ops.searchsorted(np.array([-1, 0, 2, 3], "int32"), ops.reshape(x, (-1,)), side="right"), ints(4))
case("digitize", lambda x: ops.digitize(x, np.array([-1.0, 0.0, 0.5, 1.0], "float32")), f(4, 5))
case("isin", lambda x: ops.isin(x, [1, 3, 5]), ints(4, 5))
case("isin_invert", lambda x: ops.isin(x, np.array([1, 3]), invert=True), ints(4, 5))
case("isin_unique", lambda x: ops.isin(x, [1.0, 2.0], assume_unique=True), f(4))
case("bincount", lambda x: ops.bincount(x, minlength=6), ints(7, low=0, high=6))
case("bincount_1d", lambda x: ops.bincount(ops.reshape(x, (-1,)), minlength=8), ints(7, low=0, high=6))
case("bincount_weights", lambda x: ops.bincount(ops.reshape(x, (-1,)), weights=[1.0, 2.0, 3.0], minlength=8), ints(1, low=0, high=6))
case("histogram", lambda x: ops.histogram(ops.reshape(x, (-1,)), bins=5), f(8))
case("histogram_range", lambda x: ops.histogram(ops.reshape(x, (-1,)), bins=4, range=(-1.0, 1.0)), f(8))
case("unique", lambda x: ops.unique(x, size=6), ints(7, low=0, high=6))
case("unique_all", lambda x: ops.unique(x, return_index=True, return_inverse=True, return_counts=True, size=8, fill_value=-1), ints(7, low=0, high=6))
case("unravel_index", lambda x: ops.unravel_index(x, (3, 4)), ints(5, low=0, high=12))
case("one_hot", lambda x: ops.one_hot(x, 6), ints(5, low=-1, high=7))
case("one_hot_axis", lambda x: ops.one_hot(x, 4, axis=1), ints(5, low=0, high=4))
case("one_hot_dtype", lambda x: ops.one_hot(x, 4, dtype="int32"), ints(5, low=0, high=4))
case("one_hot_bool", lambda x: ops.one_hot(x, 4, axis=0, dtype="bool"), ints(5, low=0, high=4))
case("multi_hot", lambda x: ops.multi_hot(x, 5), ints(3, low=0, high=5))
case("multi_hot_dtype", lambda x: ops.multi_hot(x, 5, axis=-1, dtype="int32"), ints(4, 3, low=0, high=5))
for name in ["segment_sum", "segment_max", "segment_min", "segment_prod"]:
    fn = getattr(ops, name)
    case(name, lambda x, i, fn=fn: fn(x, ops.reshape(i, (-1,)), num_segments=4), f(5, batch=6), ints(1, low=0, high=4, batch=6))
    case(name + "_int", lambda x, i, fn=fn: fn(ops.reshape(x, (-1,)), ops.reshape(i, (-1,)), num_segments=3), ints(1, batch=6), ints(1, low=0, high=3, batch=6))
    case(name + "_const", lambda x, fn=fn: fn(ops.sum(x, axis=0), np.array([0, 0, 1, 2, 1], "int32"), num_segments=3), f(5, 2))
case("nan_to_num_values", lambda x: ops.nan_to_num(x, nan=1.0, posinf=5.0, neginf=-5.0), special(4, 5))
case("round_2", lambda x: ops.round(x, decimals=2), f(4, 5))
case("round_m1", lambda x: ops.round(x * 100, decimals=-1), f(4, 5))
case("round_int", lambda x: ops.round(x, decimals=-1), ints(4, 5, low=-50, high=50))

# ---- nn
case("soft_shrink_t", lambda x: ops.soft_shrink(x, threshold=0.7), f(4, 5))
case("hard_shrink_t", lambda x: ops.hard_shrink(x, threshold=0.7), f(4, 5))
case("threshold", lambda x: ops.threshold(x, 0.5, -1.0), f(4, 5))
case("squareplus_b", lambda x: ops.squareplus(x, b=2), f(4, 5))
case("leaky_relu_s", lambda x: ops.leaky_relu(x, negative_slope=0.1), f(4, 5))
case("elu_a", lambda x: ops.elu(x, alpha=0.5), f(4, 5))
case("celu_a", lambda x: ops.celu(x, alpha=0.5), f(4, 5))
case("gelu_exact", lambda x: ops.gelu(x, approximate=False), f(4, 5))
case("glu", lambda x: ops.glu(x), f(4, 6))
case("glu_axis", lambda x: ops.glu(x, axis=1), f(4, 6))
for name in ["softmax", "log_softmax", "sparsemax"]:
    fn = getattr(ops, name)
    case(name, fn, f(4, 6))
    case(name + "_axis", lambda x, fn=fn: fn(x, axis=1), f(4, 6))
case("softmax_none", lambda x: ops.softmax(x, axis=None), f(4, 6))
case("softmax_tuple", lambda x: ops.softmax(x, axis=(1, 2)), f(4, 6))
case("log_softmax_none", lambda x: ops.log_softmax(x, axis=None), f(4, 6))
case("log_softmax_tuple", lambda x: ops.log_softmax(x, axis=(1, 2)), f(4, 6))
for name in ["max_pool", "average_pool"]:
    fn = getattr(ops, name)
    case(name + "_1d", lambda x, fn=fn: fn(x, 2), f(8, 3))
    case(name + "_2d", lambda x, fn=fn: fn(x, (2, 3), strides=(2, 1), padding="same"), f(7, 6, 2))
    case(name + "_3d", lambda x, fn=fn: fn(x, 2, strides=1), f(3, 4, 4, 2))
    case(name + "_first", lambda x, fn=fn: fn(x, 2, data_format="channels_first"), f(2, 6, 6))
    case("adaptive_" + name, lambda x, n=name: getattr(ops, "adaptive_" + n)(x, (3, 2), data_format="channels_last"), f(7, 6, 2))
    case("adaptive_" + name + "_1d", lambda x, n=name: getattr(ops, "adaptive_" + n)(x, (3,), data_format="channels_last"), f(7, 2))
case("conv_1d", lambda x: ops.conv(x, rng((3, 2, 4), 1).randn(3, 2, 4).astype("float32")), f(8, 2))
case("conv_2d", lambda x: ops.conv(x, rng((3, 2, 4), 1).randn(3, 3, 2, 4).astype("float32"), strides=2, padding="same"), f(7, 6, 2))
case("conv_dil", lambda x: ops.conv(x, rng((3, 2, 4), 1).randn(2, 2, 2, 4).astype("float32"), dilation_rate=(2, 1)), f(7, 6, 2))
case("conv_3d", lambda x: ops.conv(x, rng((3, 2, 4), 1).randn(2, 2, 2, 2, 3).astype("float32")), f(4, 4, 3, 2))
case("conv_groups", lambda x: ops.conv(x, rng((3, 2, 4), 1).randn(3, 3, 2, 4).astype("float32")), f(7, 6, 4))
case("conv_two", lambda x, k: ops.conv(x, ops.sum(k, axis=0)), f(7, 6, 2), f(3, 3, 2, 4))
case("depthwise_conv", lambda x: ops.depthwise_conv(x, rng((3, 2, 4), 1).randn(3, 3, 2, 2).astype("float32"), padding="same"), f(7, 6, 2))
case("depthwise_conv_1d", lambda x: ops.depthwise_conv(x, rng((3, 2, 4), 1).randn(3, 2, 2).astype("float32")), f(7, 2))
case("separable_conv", lambda x: ops.separable_conv(x, rng((3, 2), 1).randn(3, 3, 2, 2).astype("float32"), rng((3, 2), 2).randn(1, 1, 4, 3).astype("float32"), strides=2), f(7, 6, 2))
case("conv_transpose", lambda x: ops.conv_transpose(x, rng((3, 2), 1).randn(3, 3, 4, 2).astype("float32"), strides=2, data_format="channels_last"), f(4, 5, 2))
case("conv_transpose_same", lambda x: ops.conv_transpose(x, rng((3, 2), 1).randn(3, 3, 4, 2).astype("float32"), strides=2, padding="same", data_format="channels_last"), f(4, 5, 2))
case("conv_transpose_op", lambda x: ops.conv_transpose(x, rng((3, 2), 1).randn(3, 4, 2).astype("float32"), strides=2, padding="same", output_padding=1, data_format="channels_last"), f(5, 2))
case("binary_crossentropy", lambda t, o: ops.binary_crossentropy(t, ops.sigmoid(o)), pos(4, low=0.1, high=0.9), f(4))
case("binary_crossentropy_logits", lambda t, o: ops.binary_crossentropy(t, o, from_logits=True), pos(4, low=0.1, high=0.9), f(4))
case("categorical_crossentropy", lambda t, o: ops.categorical_crossentropy(ops.softmax(t), ops.softmax(o)), f(4), f(4))
case("categorical_crossentropy_logits", lambda t, o: ops.categorical_crossentropy(ops.softmax(t, axis=1), o, from_logits=True, axis=1), f(4, 3), f(4, 3))
case("sparse_categorical_crossentropy", lambda t, o: ops.sparse_categorical_crossentropy(t, ops.softmax(o)), ints(4, low=0, high=5), f(4, 5))
case("sparse_categorical_crossentropy_logits", lambda t, o: ops.sparse_categorical_crossentropy(t, o, from_logits=True), ints(4, low=0, high=5), f(4, 5))
case("batch_normalization", lambda x: ops.batch_normalization(x, np.ones(3, "float32") * 0.2, np.ones(3, "float32") * 1.5, axis=-1), f(5, 3))
case("batch_normalization_all", lambda x: ops.batch_normalization(x, np.ones(3, "float32") * 0.2, np.ones(3, "float32") * 1.5, axis=1, offset=np.ones(3, "float32"), scale=np.ones(3, "float32") * 2, epsilon=0.1), f(3, 5))
case("batch_normalization_tensors", lambda x: ops.batch_normalization(x, ops.mean(x, axis=(0, 1)), ops.var(x, axis=(0, 1)), axis=-1), f(5, 3))
case("normalize", lambda x: ops.normalize(x), f(4, 5))
case("normalize_1", lambda x: ops.normalize(x, axis=1, order=1), f(4, 5))
case("normalize_3", lambda x: ops.normalize(x, axis=-1, order=3), f(4, 5))
case("normalize_none", lambda x: ops.normalize(x, axis=None) if False else ops.normalize(x, axis=(1, 2)), f(4, 5))
case("normalize_eps", lambda x: ops.normalize(x, epsilon=0.5), f(4, 5))
case("psnr", lambda x, y: ops.psnr(x, y, 2.0), f(4, 5), f(4, 5))
case("dot_product_attention", lambda q, k, v: ops.dot_product_attention(q, k, v), f(4, 2, 8), f(5, 2, 8), f(5, 2, 8))
case("dot_product_attention_causal", lambda q, k, v: ops.dot_product_attention(q, k, v, is_causal=True), f(4, 2, 8), f(4, 2, 8), f(4, 2, 8))
case("dot_product_attention_scale", lambda q, k, v: ops.dot_product_attention(q, k, v, scale=0.5), f(4, 4, 8), f(4, 2, 8), f(4, 2, 8))
case("dot_product_attention_bias", lambda q, k, v: ops.dot_product_attention(q, k, v, bias=np.linspace(-1, 1, 32).reshape(1, 2, 4, 4).astype("float32")), f(4, 2, 8), f(4, 2, 8), f(4, 2, 8))
case("dot_product_attention_mask", lambda q, k, v, m: ops.dot_product_attention(q, k, v, mask=m), f(4, 2, 8), f(5, 2, 8), f(5, 2, 8), bools(1, 4, 5))
case("dot_product_attention_cap", lambda q, k, v: ops.dot_product_attention(q, k, v, attn_logits_soft_cap=2.0), f(4, 2, 8), f(4, 2, 8), f(4, 2, 8))
case("rms_normalization", lambda x: ops.rms_normalization(x), f(4, 5))
case("rms_normalization_scale", lambda x: ops.rms_normalization(x, scale=np.arange(1, 6, dtype="float32"), axis=-1, epsilon=1e-3), f(4, 5))
case("layer_normalization", lambda x: ops.layer_normalization(x), f(4, 5))
case("layer_normalization_all", lambda x: ops.layer_normalization(x, gamma=np.arange(1, 6, dtype="float32"), beta=np.ones(5, "float32"), axis=-1, epsilon=1e-2), f(4, 5))
case("layer_normalization_axes", lambda x: ops.layer_normalization(x, axis=[1, 2]), f(4, 5))
case("layer_normalization_rms", lambda x: ops.layer_normalization(x, gamma=np.arange(1, 6, dtype="float32"), rms_scaling=True), f(4, 5))
case("unfold", lambda x: ops.unfold(x, 2), f(2, 5, 6))
case("unfold_all", lambda x: ops.unfold(x, (2, 3), dilation=(2, 1), padding=1, stride=(1, 2)), f(2, 6, 7))
case("fold", lambda x: ops.fold(x, (4, 5), 2), f(12, 12))
case("fold_all", lambda x: ops.fold(x, (4, 6), (2, 2), dilation=1, padding=1, stride=2), f(8, 12))
case("ctc_loss", lambda t, o, a, b: ops.ctc_loss(t, o, ops.reshape(a, (-1,)), ops.reshape(b, (-1,))), ints(3, low=1, high=5), f(8, 5), ints(1, low=1, high=4), ints(1, low=6, high=9))
case("ctc_decode", lambda x, l: ops.ctc_decode(x, ops.reshape(l, (-1,))), f(8, 5), ints(1, low=5, high=9))

# ---- core
for d in ["float32", "int32", "bool", "float16", "uint8", "int64", "float64", "bfloat16", "int8", "uint32"]:
    case("cast_" + d, lambda x, d=d: ops.cast(x, d), pos(4, 5))
    case("saturate_cast_" + d, lambda x, d=d: ops.saturate_cast(x * 100, d), pos(4, 5))
case("saturate_cast_neg", lambda x: ops.saturate_cast(x * 300, "uint8"), f(4, 5))
case("cast_back", lambda x: ops.cast(ops.cast(x, "float16"), "float32"), f(4, 5))
case("convert_to_tensor", lambda x: ops.convert_to_tensor(x), f(4, 5))
case("convert_to_tensor_dtype", lambda x: ops.convert_to_tensor(x, dtype="int32"), ints(4, 5))
case("scatter", lambda i, v: ops.scatter(ops.reshape(i, (-1, 1)), ops.reshape(v, (-1,)), (6,)), ints(1, low=0, high=6), f(1))
case("scatter_2d", lambda v: ops.scatter(np.array([[0, 1], [2, 0], [1, 1], [0, 1]]), ops.sum(v, axis=0), (3, 2)), f(4))
case("scatter_update", lambda x: ops.scatter_update(ops.sum(x, axis=0), np.array([[0, 1], [2, 0]]), np.array([7.0, 8.0], "float32")), f(3, 4))
for r in ["add", "max", "min", "mul"]:
    case("scatter_update_" + r, lambda x, r=r: ops.scatter_update(ops.sum(x, axis=0), np.array([[0, 1], [2, 0], [0, 1]]), np.array([1.5, 2.0, 0.5], "float32"), reduction=r), f(3, 4))
case("scatter_update_rows", lambda x, u: ops.scatter_update(ops.sum(x, axis=0), [[1], [0]], ops.sum(u, axis=0)), f(3, 4), f(2, 4))
case("slice", lambda x: ops.slice(x, (0, 1, 2), (2, 2, 3)), f(4, 5))
case("slice_array", lambda x: ops.slice(ops.sum(x, axis=0), np.array([1, 0]), (2, 3)), f(4, 5))
case("slice_tensor", lambda x, i: ops.slice(ops.sum(x, axis=0), ops.max(i, axis=0), (2, 3)), f(4, 5), ints(2, low=0, high=2))
case("slice_update", lambda x: ops.slice_update(ops.sum(x, axis=0), (1, 2), np.ones((2, 3), "float32")), f(4, 5))
case("slice_update_2", lambda x, u: ops.slice_update(x, (0, 1, 1), u), f(4, 5), f(2, 3))
case("extract_sequences", lambda x: ops.extract_sequences(x, 4, 2), f(11))

case("linspace", lambda x, y: ops.linspace(x, y, num=5), f(3), f(3))
case("linspace_opts", lambda x, y: ops.linspace(x, y, num=4, endpoint=False, axis=1), f(3), f(3))
case("linspace_scalar", lambda x: ops.linspace(x, 1.0, num=4, axis=-1), f(3))
case("linspace_step", lambda x, y: ops.linspace(x, y, num=5, retstep=True), f(3), f(3))
case("logspace", lambda x, y: ops.logspace(x, y, num=5), f(3), f(3))
case("logspace_base", lambda x, y: ops.logspace(x, y, num=5, base=2, endpoint=False, axis=-1), f(3), f(3))
case("geomspace", lambda x, y: ops.geomspace(x, y, num=5), pos(3), pos(3))
case("arange_tensor", lambda x: ops.arange(ops.sum(x) * 0 + 4.0), f(3))
case("empty_like", lambda x: ops.shape(ops.empty_like(x))[1] * x, f(3, 4))
case("shape_use", lambda x: ops.reshape(x, (ops.shape(x)[0], -1)) if False else x * ops.shape(x)[1], f(3, 4))
case("rgb_to_grayscale", lambda x: ops.image.rgb_to_grayscale(x), pos(5, 5, 3))
case("resize", lambda x: ops.image.resize(x, (4, 6)), pos(5, 5, 3))
case("resize_nearest", lambda x: ops.image.resize(x, (4, 6), interpolation="nearest"), pos(5, 5, 3))

# ---- images
image = ops.image
FIRST = {"data_format": "channels_first"}


def pictures(*shape, batch=2):
    return pos(*shape, low=0.0, high=1.0, batch=batch)


def around(values, spread):
    """`values` for each sample, with noise."""
    values = np.array(values, "float32")
    return Spec(values.shape, lambda i: (values + rng(values.shape, i).uniform(-spread, spread, (2, *values.shape))).astype("float32"))


IDENTITY = [1.0, 0.1, 0.3, -0.1, 0.9, 0.2, 0.01, 0.02]
CORNERS = [[0.0, 0.0], [4.0, 0.0], [0.0, 3.0], [4.0, 3.0]]
for name in ["rgb_to_grayscale", "rgb_to_hsv", "hsv_to_rgb", "gaussian_blur", "sobel_edges"]:
    fn = getattr(image, name)
    case(name + "_image", lambda x, fn=fn: fn(x), pictures(4, 5, 3))
    case(name + "_first", lambda x, fn=fn: fn(x, **FIRST), pictures(3, 4, 5))
    if name != "sobel_edges":
        case(name + "_single", lambda x, fn=fn: fn(ops.sum(x, axis=0)), pictures(4, 5, 3, batch=1))
        case(name + "_single_first", lambda x, fn=fn: fn(ops.sum(x, axis=0), **FIRST), pictures(3, 4, 5, batch=1))
case("rgb_to_grayscale_one", lambda x: image.rgb_to_grayscale(x), pictures(4, 5, 1))
case("rgb_to_grayscale_bytes", lambda x: image.rgb_to_grayscale(x), ints(4, 5, 3, low=0, high=256, dtype="uint8"))
case("gaussian_blur_options", lambda x: image.gaussian_blur(x, kernel_size=(5, 3), sigma=(0.7, 2.0)), pictures(6, 7, 2))
case("gaussian_blur_even", lambda x: image.gaussian_blur(x, kernel_size=(4, 2), sigma=[1, 1.5]), pictures(6, 7, 2))
for method in ["nearest", "bilinear"]:
    for fill in ["constant", "nearest", "wrap", "reflect"]:
        options = {"interpolation": method, "fill_mode": fill, "fill_value": 0.5}
        case(f"affine_transform_{method}_{fill}", lambda x, t, o=options: image.affine_transform(x, t, **o), pictures(4, 5, 2), around(IDENTITY, 0.05))
    case(f"perspective_transform_{method}", lambda x, s, e, m=method: image.perspective_transform(x, s, e, interpolation=m, fill_value=0.5),
         pictures(4, 5, 2), around(CORNERS, 0.3), around(CORNERS, 0.6))
case("affine_transform", lambda x: image.affine_transform(x, np.array(IDENTITY, "float32")), pictures(4, 5, 2))
case("affine_transform_first", lambda x: image.affine_transform(x, np.array([IDENTITY]), **FIRST), pictures(2, 4, 5))
case("affine_transform_single", lambda x, t: image.affine_transform(ops.sum(x, axis=0), ops.sum(t, axis=0)), pictures(4, 5, 2), around(IDENTITY, 0.05))
case("affine_transform_bytes", lambda x: image.affine_transform(x, np.array([1.0, 0, 1, 0, 1, -1, 0, 0], "float32"), fill_value=7), ints(4, 5, 3, low=0, high=256, dtype="uint8"))
case("perspective_transform", lambda x, s: image.perspective_transform(x, s, s * 0.9), pictures(4, 5, 2), around(CORNERS, 0.3))
case("perspective_transform_constant", lambda x: image.perspective_transform(x, np.array(CORNERS), np.array(CORNERS) + [[0.2, 0.1], [0.3, 0.5], [-0.1, 0.2], [0.5, -0.5]]), pictures(4, 5, 2))
case("perspective_transform_first", lambda x, s: image.perspective_transform(x, s, s + 0.5, **FIRST), pictures(2, 4, 5), around(CORNERS, 0.3))
for order in [0, 1]:
    for fill in ["constant", "nearest", "wrap", "mirror", "reflect"]:
        reach = 0.9 if fill == "mirror" else 9
        places = np.random.RandomState(order).uniform(-reach, reach, (3, 6)).astype("float32")
        places[:, :2] = [[0.5, 1.5], [2.5, -0.5], [0.0, 0.5]]
        case(f"map_coordinates_{order}_{fill}", lambda x, o=order, m=fill, c=places: image.map_coordinates(ops.sum(x, axis=0), c, o, fill_mode=m, fill_value=0.5), pictures(4, 5, 2))
case("map_coordinates", lambda x, c: image.map_coordinates(x, ops.transpose(c), order=1), pictures(3), f(2, low=0.0, high=1.0, batch=2))
case("map_coordinates_int", lambda x, c: image.map_coordinates(ops.sum(x, axis=0), ops.transpose(c), order=1), ints(3, 4, low=0, high=50), f(2, low=0.0, high=2.0))
case("extract_patches", lambda x: image.extract_patches(x, 2), pictures(4, 5, 2))
case("extract_patches_strides", lambda x: image.extract_patches(x, (3, 2), strides=1, padding="same"), pictures(4, 5, 2))
case("extract_patches_pair", lambda x: image.extract_patches(x, [2, 3], strides=(2, 1), padding="same"), pictures(5, 6, 1))
case("extract_patches_dilation", lambda x: image.extract_patches(x, (2, 2), strides=1, dilation_rate=2), pictures(5, 6, 2))
case("extract_patches_dilations", lambda x: image.extract_patches(x, (2, 2), strides=1, dilation_rate=(2, 1)), pictures(5, 6, 2))
case("extract_patches_single", lambda x: image.extract_patches(ops.sum(x, axis=0), 2), pictures(4, 5, 2))
case("extract_patches_first", lambda x: image.extract_patches(x, (2, 3), **FIRST), pictures(2, 4, 7))
case("extract_patches_3d", lambda x: image.extract_patches_3d(x, 2), pictures(4, 5, 2, 2))
case("extract_patches_3d_strides", lambda x: image.extract_patches_3d(x, (1, 2, 2), strides=(1, 2, 1), padding="same"), pictures(3, 4, 3, 1))
case("extract_patches_3d_one_stride", lambda x: image.extract_patches_3d(x, (1, 2, 2), strides=1, dilation_rate=2), pictures(3, 4, 4, 1))
case("extract_patches_3d_tuple", lambda x: image.extract_patches(x, (2, 2, 2)), pictures(4, 4, 3, 2))
case("extract_patches_3d_single", lambda x: image.extract_patches_3d(ops.sum(x, axis=0), 2), pictures(4, 4, 3, 2))
for name, word in [("pad_images", "padding"), ("crop_images", "cropping")]:
    fn = getattr(image, name)
    for given in [(1, 2, 1, 0, None, None), (1, 0, None, None, 3 if word == "cropping" else 8, 4 if word == "cropping" else 9),
                  (None, None, 1, 2, 2 if word == "cropping" else 7, 3 if word == "cropping" else 8)]:
        options = dict(zip([f"top_{word}", f"left_{word}", f"bottom_{word}", f"right_{word}", "target_height", "target_width"], given))
        mark = "".join("x" if value is None else str(value) for value in given)
        case(f"{name}_{mark}", lambda x, fn=fn, o=options: fn(x, **o), pictures(5, 6, 1))
    case(name + "_first", lambda x, fn=fn, given=given: fn(x, *given, **FIRST), pictures(1, 5, 6))
    case(name + "_single", lambda x, fn=fn, given=given: fn(ops.sum(x, axis=0), *given), pictures(5, 6, 1))
    case(name + "_int", lambda x, fn=fn: fn(x, 1, 1, 1, 1), ints(5, 6, 1))
for method in ["linear", "bilinear", "trilinear", "cubic", "bicubic", "tricubic", "lanczos3", "lanczos5"]:
    for smooth in [True, False]:
        case(f"scale_and_translate_{method}_{smooth}", lambda x, m=method, s=smooth: image.scale_and_translate(
            x, (2, 3, 7, 2), np.array([0.6, 1.3], "float32"), np.array([0.2, -0.4], "float32"), (1, 2), m, s), pictures(5, 6, 2))
case("scale_and_translate", lambda x, s, t: image.scale_and_translate(ops.sum(x, axis=0), (3, 7, 2), ops.sum(s, axis=0), ops.sum(t, axis=0), (0, 1), "linear"),
     pictures(5, 6, 2), pos(2, low=0.4, high=0.8, batch=2), f(2, low=-0.5, high=0.5, batch=2))
case("scale_and_translate_none", lambda x: image.scale_and_translate(x, (None, 3, 2), np.array([0.6], "float32"), np.array([0.2], "float32"), [1], "cubic"), pictures(5, 2))
case("ssim", lambda x, y: image.ssim(x, y), pictures(12, 13, 1), pictures(12, 13, 1))
case("ssim_options", lambda x, y: image.ssim(x, y, max_val=2.0, filter_size=4, filter_sigma=1.0, k1=0.02, k2=0.05), pictures(5, 6, 2), pictures(5, 6, 2))
case("ssim_first", lambda x, y: image.ssim(x, y, filter_size=3, **FIRST), pictures(2, 5, 6), pictures(2, 5, 6))
case("ssim_single", lambda x, y: image.ssim(ops.sum(x, axis=0), ops.sum(y, axis=0), filter_size=3), pictures(5, 6, 2), pictures(5, 6, 2))
case("ssim_constant", lambda x: image.ssim(x, np.full((2, 5, 6, 1), 0.5, "float32"), filter_size=3), pictures(5, 6, 1))
for method in ["bilinear", "nearest", "bicubic", "lanczos3", "lanczos5", "area"]:
    for smooth in [True, False]:
        case(f"resize_{method}_{smooth}", lambda x, m=method, s=smooth: image.resize(x, (3, 8), interpolation=m, antialias=s), pictures(5, 6, 2))
case("resize_crop", lambda x: image.resize(x, (3, 6), crop_to_aspect_ratio=True), pictures(5, 6, 2))
case("resize_pad", lambda x: image.resize(x, (3, 8), pad_to_aspect_ratio=True, fill_value=0.5), pictures(5, 6, 2))
case("resize_pad_first", lambda x: image.resize(x, (3, 8), pad_to_aspect_ratio=True, **FIRST), pictures(2, 5, 6))
case("resize_single_first", lambda x: image.resize(ops.sum(x, axis=0), (3, 8), **FIRST), pictures(2, 5, 6))
case("resize_bytes", lambda x: image.resize(x, (3, 8), interpolation="bicubic"), ints(5, 6, 2, low=0, high=256, dtype="uint8"))
case("resize_int", lambda x: image.resize(x, (10, 12)), ints(5, 6, 2, low=-9, high=99))
# Its noise cannot be that of another generator.
case("elastic_transform", lambda x: image.elastic_transform(x, alpha=0.0, sigma=1.0, seed=1), pictures(5, 6, 2, batch=1))
case("elastic_transform_first", lambda x: image.elastic_transform(x, 0.0, 2.0, "nearest", "wrap", 0.5, **FIRST), pictures(2, 5, 6, batch=1))
# ---- several in one graph, shared operations, several nodes of one layer
case("graph_norm", lambda x: (x - ops.mean(x, axis=-1, keepdims=True)) / ops.sqrt(ops.var(x, axis=-1, keepdims=True) + 1e-5), f(4, 6))
case("graph_multi", lambda x: [ops.sum(x, axis=1), ops.argmax(x, axis=1), x > 0], f(4, 6))
case("graph_dense", lambda x: ops.softmax(keras.layers.Dense(3)(ops.relu(keras.layers.Dense(5)(x))) * 2.0), f(6))
case("graph_mask", lambda x: ops.where(ops.cast(ops.tril(ops.ones_like(x)), "bool"), x, -1e9), f(4, 4))


def shared(x, y):
    op = keras.src.ops.numpy.Add()
    return op(op(x, y), 1.5)


case("graph_shared", shared, f(4), f(4))


def save(folder, name, fn, specs):
    keras.utils.set_random_seed(7)
    inputs = [keras.Input(s.shape, dtype=s.dtype, name=f"x{i}") for i, s in enumerate(specs)]
    out = fn(*inputs)
    model = keras.Model(inputs if len(inputs) > 1 else inputs[0], out)
    xs = [s.values(i) for i, s in enumerate(specs)]
    preds = [np.asarray(p) if not hasattr(p, "numpy") else p.numpy() for p in keras.tree.flatten(model(xs if len(xs) > 1 else xs[0]))]
    path = os.path.join(folder, "ops", name)
    os.makedirs(path, exist_ok=True)
    model.save(os.path.join(path, "model.keras"))
    keras.models.load_model(os.path.join(path, "model.keras"))
    for i, x in enumerate(xs):
        np.save(os.path.join(path, f"x_{i}.npy"), x)
    for i, p in enumerate(preds):
        if p.dtype.name == "bfloat16":
            p = p.astype("float32")
        np.save(os.path.join(path, f"pred_{i}.npy"), p)


def names():
    """Each public function and the classes whose nodes it makes."""
    import keras.src.ops as source
    lines = []
    for space, module in [("", ops), ("image.", ops.image), ("linalg.", ops.linalg)]:
        for name in sorted(dir(module)):
            fn = getattr(module, name)
            if name.startswith("_") or not inspect.isfunction(fn) or name in ("map",) and False:
                continue
            text = inspect.getsource(inspect.unwrap(fn))
            found = re.findall(r"\b([A-Z][A-Za-z0-9]*)\(\s*[^()]*(?:\([^()]*\)[^()]*)*\)\s*\.symbolic_call", text)
            if not found:
                found = [c for c in re.findall(r"return ([A-Z][A-Za-z0-9]+)\(", text)]
            kind = next((kind for kind, list in AT_ONCE.items() if name in list.split()), None)
            lines.append(f"{space}{name} {kind or ALIASES.get(name) or ','.join(dict.fromkeys(found)) or '-'}")
    return lines


# What `names` cannot see: functions that call others, make constants, or answer at once.
ALIASES = {"abs": "Absolute", "conj": "Conjugate"}
AT_ONCE = {
    "constant": "bartlett blackman hamming hanning kaiser empty eye identity ones zeros tri arange",
    "answer": "convert_to_numpy dtype is_tensor shape",
    "python": "vectorize custom_gradient vectorized_map map scan associative_scan switch cond while_loop fori_loop jvp",
    "composed": "rearrange",
}


def pack(folder, out, further):
    """The smallest sample that has a class, for each class."""
    root, best, sizes = os.path.join(folder, "ops"), {}, {}
    for name in sorted(os.listdir(root)):
        path = os.path.join(root, name)
        files = sorted(file for file in os.listdir(path) if file.endswith(".npy"))
        config = zipfile.ZipFile(os.path.join(path, "model.keras")).read("config.json").decode()
        sizes[name] = (sum(os.path.getsize(os.path.join(path, file)) for file in files) + len(config), files, json.loads(config), config)
        for layer in sizes[name][2]["config"]["layers"]:
            if layer["module"].startswith("keras.src.ops") and "Dense" not in config:
                if layer["class_name"] not in best or sizes[name][0] < sizes[best[layer["class_name"]]][0]:
                    best[layer["class_name"]] = name
    arrays, samples = bytearray(), {}
    for name in sorted(set(best.values()) | set(further)):
        _, files, _, text = sizes[name]
        sample = {"config": text, "x": [], "pred": []}
        for key in ("x", "pred"):
            for file in (file for file in files if file.startswith(key)):
                content = open(os.path.join(root, name, file), "rb").read()
                sample[key].append([len(arrays), len(content)])
                arrays += content
        samples[name] = sample
    with zipfile.ZipFile(out, "w") as archive:
        for entry, content in [("samples.json", json.dumps(samples).encode()), ("arrays.bin", bytes(arrays))]:
            info = zipfile.ZipInfo(entry, (1980, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, content, compresslevel=9)
    print(len(samples), "samples,", os.path.getsize(out), "bytes")


def check(folder):
    bad = 0
    root = os.path.join(folder, "ops")
    for name in sorted(os.listdir(root)):
        path = os.path.join(root, name)
        if not os.path.exists(os.path.join(path, "again.keras")):
            continue
        try:
            model = keras.models.load_model(os.path.join(path, "again.keras"))
            xs = [np.load(os.path.join(path, f"x_{i}.npy")) for i in range(len(model.inputs))]
            preds = keras.tree.flatten(model(xs if len(xs) > 1 else xs[0]))
            for i, p in enumerate(preds):
                want = np.load(os.path.join(path, f"pred_{i}.npy"))
                assert tuple(p.shape) == want.shape, (p.shape, want.shape)
                np.testing.assert_allclose(np.asarray(p, "float64"), want.astype("float64"), atol=1e-6, rtol=1e-6)
        except Exception as error:
            bad += 1
            print("BAD", name, str(error)[:300].replace("\n", " "))
    print(bad, "bad")


if __name__ == "__main__":
    if sys.argv[1] == "--check":
        check(sys.argv[2])
        sys.exit()
    if sys.argv[1] == "--pack":
        pack(sys.argv[2], sys.argv[3], sys.argv[4:])
        sys.exit()
    folder, only = sys.argv[1], sys.argv[2:]
    os.makedirs(folder, exist_ok=True)
    failed = []
    for name, fn, specs in CASES:
        if only and name not in only:
            continue
        try:
            save(folder, name, fn, specs)
        except Exception as error:
            failed.append(name)
            shutil.rmtree(os.path.join(folder, "ops", name), ignore_errors=True)
            print("KERAS REFUSES", name, str(error)[:160].replace("\n", " "), flush=True)
    with open(os.path.join(folder, "names.txt"), "w") as file:
        file.write("\n".join(names()) + "\n")
    print(len(CASES) - len(failed), "written,", len(failed), "refused by Keras")

#!/usr/bin/env python3
"""Writes cells.txt: what the cells of the table of edges (tests/edges/table.txt) compare with, by PyTorch.

A case "function/case" has the operands 0, 1, …, the result y, and where there are gradients weights w, the gradients
d0, d1, … of sum(y · w), vectors v0, v1, … along them, and h0, h1, …, the gradients of sum(d0 · v0) + sum(d1 · v1) + …
(none where PyTorch has none). Float cases are computed in float64; where PyTorch in float32 overflows or loses an
element on the way, what it finds follows them as y32, d032, … 16-bit cases are computed in float64 from rounded
operands and rounded once. A bounded case, "float[B4:1,3]", is what PyTorch makes of a tensor of just that length.
Lines that begin with a space go on. Run with PyTorch installed: python3 make_cells.py > cells.txt
"""

import textwrap

import torch
import torch.nn.functional as F

inf, nan = float("inf"), float("nan")
names = {
    torch.bool: "bool",
    torch.uint8: "uint8",
    torch.int8: "int8",
    torch.int32: "int32",
    torch.int64: "int64",
    torch.float16: "float16",
    torch.bfloat16: "bfloat16",
    torch.float32: "float",
    torch.float64: "float",
}
integers = [torch.int64, torch.int32, torch.uint8, torch.int8, torch.bool]
halves = [torch.float16, torch.bfloat16]


class Bounded:
    """A tensor whose first or other axis is bounded: a symbol, an axis and a capacity."""

    def __init__(self, tensor, capacity, axis=0, symbol="B"):
        self.tensor, self.bound = tensor, (axis, capacity, symbol)


def number(x, digits):
    if isinstance(x, (bool, int)):
        return str(int(x))
    text = format(x, f".{digits}g")
    return "-0" if text == "-0" else text


def show(case, key, t, bound=None, digits=9):
    extents = [str(n) for n in t.shape]
    if bound is not None:
        axis, capacity, symbol = bound
        extents[axis] = f"{symbol}{capacity}:{t.shape[axis]}"
    line = f"{case} {key} {names[t.dtype]}[{','.join(extents)}]"
    elements = " ".join(number(x, digits) for x in t.detach().flatten().tolist())
    print("\n".join(textwrap.wrap(f"{line} {elements}", 120, subsequent_indent=" ")))


def drawn(shape, seed):
    """Weights and directions: small numbers of two binary digits, none of them 0."""
    g = torch.Generator().manual_seed(seed)
    n = torch.randint(1, 9, tuple(shape), generator=g).double() / 4
    return n * (torch.randint(0, 2, tuple(shape), generator=g).double() * 2 - 1)


def derived(f, arguments, dtype, derive, second):
    """{"y": …, "d0": …, "h0": …} and the draws among them."""
    leaves = [a.to(dtype).requires_grad_() if a.is_floating_point() else a for a in arguments]
    y = f(*leaves)
    found, draws = {"y": y.detach()}, {}
    floating = [i for i, a in enumerate(leaves) if a.is_floating_point()]
    if not derive or not floating or not y.is_floating_point():
        return found, draws
    x = [leaves[i] for i in floating]
    draws["w"] = drawn(y.shape, 1).to(dtype)
    grads = (
        torch.autograd.grad((y * draws["w"]).sum(), x, create_graph=True, allow_unused=True)
        if y.requires_grad
        else [None] * len(x)
    )
    grads = [torch.zeros_like(a) if d is None else d for a, d in zip(x, grads)]
    for i, d in zip(floating, grads):
        found[f"d{i}"] = d.detach()
    if not second:
        return found, draws
    for i, d in zip(floating, grads):
        draws[f"v{i}"] = drawn(d.shape, 2 + i).to(dtype)
    total = sum((d * draws[f"v{i}"]).sum() for i, d in zip(floating, grads))
    if total.requires_grad:
        hs = torch.autograd.grad(total, x, allow_unused=True)
    else:
        hs = [None] * len(x)
    for i, a, h in zip(floating, x, hs):
        found[f"h{i}"] = torch.zeros_like(a) if h is None else torch.zeros_like(a) + h
    return found, draws


def cell(case, f, *arguments, derive=True, second=True, instead=None, result=None, bound=None):
    """`instead`: key → what is expected where PyTorch's rule says something else than the function is. `result`: the
    dtype of the result where it is not that of f. `bound`: of a bounded result, where it is not the first operand's."""
    bounds = [a.bound if isinstance(a, Bounded) else None for a in arguments]
    arguments = [a.tensor if isinstance(a, Bounded) else a for a in arguments]
    arguments = [torch.tensor(a) if isinstance(a, (list, float)) else a for a in arguments]
    dtype = next((a.dtype for a in arguments if a.is_floating_point()), None)
    half = dtype in halves
    if dtype == torch.float64:
        arguments = [a.float() if a.is_floating_point() else a for a in arguments]
        dtype = torch.float32
    found, draws = derived(f, arguments, torch.float64, derive, second and not half)
    single = {}
    if not half and dtype is not None:
        single, _ = derived(f, arguments, torch.float32, derive, second)
    for key, change in (instead or {}).items():
        found[key] = change(found[key], *arguments) if callable(change) else change
        single.pop(key, None)
    for i, a in enumerate(arguments):
        show(case, str(i), a, bounds[i], 9)
    if bound is None and any(bounds):
        bound = next(b for b in bounds if b)
        y = found["y"]
        if y.ndim <= bound[0] or y.shape[bound[0]] != next(a for a, b in zip(arguments, bounds) if b).shape[bound[0]]:
            bound = None
    bound = None if bound is False else bound
    for key, t in list(found.items()) + list(draws.items()):
        own = bound if key in "yw" else bounds[int(key[1:])]
        if t.is_floating_point():
            t = t.to(result) if result is not None and key == "y" else t.to(dtype) if half else t
        elif result is not None and key == "y":
            t = t.to(result)
        show(case, key, t, own)
        if key in single and t.is_floating_point():
            rounded, s = found[key].float(), single[key].float()
            near = (s - rounded).abs() <= 1e-5 * (1 + rounded.abs())
            if not bool((near | (s == rounded) | (s.isnan() & rounded.isnan())).all()):
                show(case, key + "32", s, own)


# ---- functions of elements: 16-bit floats and integers at the ends of their ranges (floats: make_edges.py) ----------
few = [
    0.0,
    -0.0,
    0.25,
    -0.25,
    0.5,
    -0.5,
    1.0,
    -1.0,
    2.5,
    -2.5,
    3.0,
    -3.0,
    6.0,
    -6.0,
    20.0,
    300.0,
    -300.0,
    6e4,
    -6e4,
    6e-8,
    -6e-8,
    inf,
    -inf,
    nan,
]
ends = {
    torch.int64: [0, 1, -1, 2, 7, -7, 2**31, -(2**31) - 1],
    torch.int32: [0, 1, -1, 2, 7, -7, 2**31 - 1, -(2**31)],
    torch.uint8: [0, 1, 2, 3, 7, 127, 128, 255],
    torch.int8: [0, 1, -1, 2, 7, -7, 127, -128],
    torch.bool: [False, True],
}


def as_int32(x):
    """Bools and 8-bit integers are computed as int32 (docs/support.md)."""
    return x.to(torch.int32) if x.dtype in (torch.bool, torch.uint8, torch.int8) else x


def elements(name, f, domain=None, kept=False, gradients=True, integer=None, result=None, without=(), half=True):
    """`kept`: integers stay integers (otherwise float32); `integer`: f of integers; `result`: the dtype of any."""
    x = torch.tensor([v for v in few if domain is None or v != v or domain(v)], dtype=torch.float64)
    for dtype in halves if half else ():
        # PyTorch's derivatives at NaN are one thing in vectors and another at their ends.
        cell(f"{name}/half.{names[dtype]}", f, x[~x.isnan()].to(dtype), derive=gradients, result=result or dtype)
        cell(f"{name}/half.nan.{names[dtype]}", f, x[x.isnan()].to(dtype), derive=False, result=result or dtype)
    for dtype in integers:
        if dtype in without:
            continue
        values = torch.tensor([v for v in ends[dtype] if domain is None or domain(v)], dtype=dtype)
        g = integer or f
        cell(
            f"{name}/integers.{names[dtype]}",
            lambda t: g(as_int32(t)) if kept else g(t.double()),
            values,
            result=result or (None if kept else torch.float32),
        )


def pairs(name, f, gradients=True, result=None, number=(), second=None, without=(), integer=None):
    x = torch.tensor([0.0, -0.0, 0.5, -2.0, 300.0, inf, -inf, nan] if not number else number)
    y = torch.tensor(second) if second else x
    p, q = x.repeat_interleave(len(y)), y.repeat(len(x))
    for dtype in halves:
        cell(f"{name}/half.{names[dtype]}", f, p.to(dtype), q.to(dtype), derive=gradients, result=result or dtype)
    for dtype in integers:
        if dtype in without:
            continue
        e = torch.tensor(ends[dtype], dtype=dtype)
        p, q = e.repeat_interleave(len(e)), e.repeat(len(e))
        g = integer or f
        as_computed = (lambda t: t) if name == "select" else as_int32  # what is selected keeps its dtype
        cell(f"{name}/integers.{names[dtype]}", lambda a, b: g(as_computed(a), as_computed(b)), p, q, result=result)


elements("relu", torch.relu, kept=True)
elements("sign", torch.sign, kept=True)
elements("abs", torch.abs, kept=True)
elements("neg", torch.neg, kept=True)
elements("square", lambda x: x * x, kept=True)
for f in (torch.floor, torch.ceil, torch.trunc, torch.round):
    elements(f.__name__, f, kept=True, integer=lambda x: x)
for name in ("exp expm1 log log1p sqrt rsqrt tanh erf sin cos tan atan sigmoid").split():
    f = getattr(torch, name)
    angle = name in ("sin", "cos", "tan")
    elements(name, f, (lambda v: abs(v) < 1000 or abs(v) == inf) if angle else None)
for name, f in {
    "leaky_relu": F.leaky_relu,
    "relu6": F.relu6,
    "hardtanh": F.hardtanh,
    "hardsigmoid": F.hardsigmoid,
    "hardswish": F.hardswish,
    "softshrink": F.softshrink,
    "hardshrink": F.hardshrink,
    "log_sigmoid": F.logsigmoid,
    "silu": F.silu,
    "softplus": F.softplus,
    "mish": F.mish,
    "softsign": F.softsign,
    "tanhshrink": F.tanhshrink,
    "elu": F.elu,
    "celu": F.celu,
    "selu": F.selu,
    "gelu": F.gelu,
    "gelu.tanh": lambda x: F.gelu(x, approximate="tanh"),
    "threshold": lambda x: F.threshold(x, 0.5, -2.0),
}.items():
    elements(name, f)
elements(
    "clamp", lambda x: torch.clamp(x, 0.0, 1.0), kept=True, integer=lambda x: torch.clamp(x, 0, 1), without=[torch.bool]
)
elements("isnan", torch.isnan, gradients=False, result=torch.bool)
elements("isfinite", torch.isfinite, gradients=False, result=torch.bool)
elements("logical_not", torch.logical_not, kept=True, gradients=False, result=torch.bool)
elements(
    "cast.int32",
    lambda x: x.to(torch.int32),
    domain=lambda v: abs(v) < 1e9,
    kept=True,
    gradients=False,
    result=torch.int32,
)
elements("cast.bool", lambda x: x.to(torch.bool), kept=True, gradients=False, result=torch.bool)
elements("cast.float", lambda x: x.to(torch.float64), kept=True, result=torch.float32)
elements(
    "one_hot",
    lambda x: x.long()[..., None] == torch.arange(3),
    domain=lambda v: 0 <= v < 3,
    kept=True,
    gradients=False,
    result=torch.bool,
    half=False,
)

pairs("add", torch.add)
pairs("sub", torch.sub)
pairs("mul", torch.mul)
pairs("div", torch.div, number=[0.0, -0.0, 0.5, -2.0, 300.0, inf, -inf, nan], without=integers)
pairs("maximum", torch.maximum)
pairs("minimum", torch.minimum)
pairs(
    "pow",
    torch.pow,
    number=[0.0, 0.5, 1.0, 2.0, 3.0, -2.0, inf, nan],
    second=[0.0, 1.0, 2.0, 3.0, -1.0, 0.5],
    without=integers,
)
pairs(
    "remainder",
    torch.remainder,
    number=[0.0, 0.5, -0.5, 1.0, 2.75, -2.75, 300.0, nan],
    second=[0.5, -0.5, 2.0, -3.0, nan],
    without=integers,
)
pairs(
    "xlogy",
    torch.xlogy,
    number=[0.0, -0.0, 0.5, -2.0, 300.0, inf, nan],
    second=[0.0, 0.5, 1.0, 300.0, -1.0, inf, nan],
)
whole_numbers = {
    "div": lambda a, b: torch.div(a, b, rounding_mode="trunc"),
    "remainder": torch.remainder,
    "pow": lambda a, b: torch.pow(a, b.abs() % 5),
}
for name, f in whole_numbers.items():
    for dtype in integers[:-1]:
        e = torch.tensor(ends[dtype], dtype=dtype)
        p, q = e.repeat_interleave(len(e)), e.repeat(len(e))
        kept = (q != 0) & ~((q == -1) & (p == e.min()))
        p, q = as_int32(p[kept]), as_int32(q[kept])
        cell(f"{name}/integers.{names[dtype]}", f, p, q.abs() % 5 if name == "pow" else q)
for name, f in {
    "less": torch.lt,
    "less_equal": torch.le,
    "greater": torch.gt,
    "greater_equal": torch.ge,
    "equal": torch.eq,
    "not_equal": torch.ne,
    "logical_and": torch.logical_and,
    "logical_or": torch.logical_or,
}.items():
    pairs(name, f, gradients=False, result=torch.bool)
    seven = torch.tensor([0.0, -0.0, 1.0, -300.0, inf, -inf, nan])
    p, q = seven.repeat_interleave(7), seven.repeat(7)
    cell(f"{name}/values", f, p, q)
    cell(f"{name}/empty", f, torch.zeros(3, 0), torch.zeros(3, 0))
    cell(f"{name}/one", f, torch.ones(1), torch.zeros(1))
    for n in (0, 1, 4):
        cell(
            f"{name}/bounded.{n}",
            f,
            Bounded(torch.tensor([0.0, inf, nan, -1.0])[:n], 4),
            Bounded(torch.tensor([1.0, inf, nan, -0.0])[:n], 4),
        )
pairs("select", lambda a, b: torch.where(a > b, a, b))
seven = torch.tensor([0.0, -0.0, 1.0, -300.0, inf, -inf, nan])
for name, f in dict(add=torch.add, sub=torch.sub, select=lambda a, b: torch.where(a > b, a, b)).items():
    cell(f"{name}/values", f, seven.repeat_interleave(7), seven.repeat(7))
    cell(f"{name}/empty", f, torch.zeros(3, 0), torch.zeros(1, 0))
    cell(f"{name}/one", f, torch.tensor([-1.5]), torch.tensor([[2.0]]))
    for n in (0, 1, 4):
        cell(f"{name}/bounded.{n}", f, Bounded(seven[3 : 3 + n], 4), Bounded(seven[2 : 2 + n], 4))
for name, f in {
    "isnan": torch.isnan,
    "isfinite": torch.isfinite,
    "logical_not": torch.logical_not,
    "sign": torch.sign,
    "floor": torch.floor,
    "ceil": torch.ceil,
    "trunc": torch.trunc,
    "round": torch.round,
    "neg": torch.neg,
    "cast.bool": lambda x: x.to(torch.bool),
    "cast.float": lambda x: x * 1,
    "cast.int32": lambda x: x.nan_to_num(0, 0, 0).to(torch.int32),
}.items():
    finite = name == "cast.int32"
    x = torch.tensor([v for v in few if not finite or v - v == 0])
    cell(f"{name}/values", f, x)
    cell(f"{name}/empty", f, torch.zeros(3, 0))
    cell(f"{name}/one", f, torch.tensor([-1.5]))
    for n in (0, 1, 4):
        cell(f"{name}/bounded.{n}", f, Bounded(torch.tensor([0.0, 2.5, 3.0 if finite else nan, -1.0])[:n], 4))
labels = torch.tensor([0, 2, 1, 2])
for n in (0, 1, 4):
    cell(f"one_hot/bounded.{n}", lambda x: F.one_hot(x, 3).bool(), Bounded(labels[:n], 4))
cell("one_hot/one", lambda x: F.one_hot(x, 3).bool(), torch.tensor([2]))
cell("one_hot/empty", lambda x: F.one_hot(x, 3).bool(), torch.zeros(0, dtype=torch.int64))

# prelu, whose slopes are an operand, and number operands.
x = torch.tensor([v for v in few])[:24].reshape(8, 3)
slopes = torch.tensor([0.25, 0.0, -1.0])
sloped, _ = derived(
    lambda x, w: torch.where(x > 0, x, torch.where(x > 0, 0.0, x) * w), [x, slopes], torch.float64, True, True
)
# The second derivative at 0 is that of the branch that has the joint.
cell("prelu/values", F.prelu, x, slopes, instead=dict(h0=sloped["h0"], h1=sloped["h1"]))
cell("prelu/empty", F.prelu, torch.zeros(0, 3), slopes)
cell("prelu/one", F.prelu, torch.tensor([[-2.0]]), torch.tensor([0.5]))
for n in (0, 1, 4):
    cell(f"prelu/bounded.{n}", F.prelu, Bounded(x[4 : 4 + n], 4), slopes)
for dtype in halves:
    cell(f"prelu/half.{names[dtype]}", F.prelu, x.to(dtype), slopes.to(dtype), result=dtype)
cell(
    "prelu/integers.int64",
    lambda x, w: F.prelu(x.double(), w.double()),
    torch.tensor([[-4, 0, 7]]),
    torch.tensor([2, 1, 3]),
)

# ---- functions of rows ------------------------------------------------------------------------------------------
edge_rows = torch.tensor(
    [
        [-inf, -inf, -inf, -inf],
        [inf, 0.0, 1.0, -1.0],
        [0.0, -inf, 1.0, 2.0],
        [nan, 0.0, 1.0, 2.0],
        [inf, -inf, 0.0, 1.0],
        [inf, inf, 1.0, 0.0],
        [-0.0, 0.0, -0.0, 0.0],
        [1e4, -1e4, 1e4, 3.0],
        [nan, inf, -inf, nan],
    ]
)
tied = torch.tensor(
    [
        [1.0, 1.0, 1.0, 1.0],
        [2.0, 0.0, 2.0, -1.0],
        [0.0, -0.0, 0.0, -3.0],
        [-3.0, 5.0, 5.0, 5.0],
        [-2.0, -2.0, -1.0, -2.0],
        [0.0, 0.0, 0.5, 0.0],
    ]
)
plain = torch.tensor([[0.5, -1.25, 2.0], [3.0, 0.75, -0.5], [-2.0, 1.5, 0.25], [1.0, -0.75, -3.0]])
wide_range = {
    torch.int64: [[0, 1, -1, 2**31], [7, -7, 3, 2], [5, 5, 5, 5]],
    torch.int32: [[2**31 - 1, 2**31 - 1, 1, 0], [-(2**31), -1, 3, 2], [5, 5, 5, 5]],
    torch.uint8: [[255, 255, 1, 0], [200, 100, 3, 128], [5, 5, 5, 5]],
    torch.int8: [[127, 127, 1, 0], [-128, -1, 3, 2], [5, 5, 5, 5]],
    torch.bool: [[1, 0, 0, 1], [1, 1, 1, 1], [0, 0, 0, 0]],
}
# Sums of squares that do not fit, and rows that are equal or vanish, of 16-bit floats.
zero_rows = torch.tensor(
    [
        [0.0, 2.0, -3.0, 0.5],
        [0.0, -0.0, 1.0, 2.0],
        [3.0, -2.0, 0.25, -1.5],
        [0.0, 0.0, 0.0, 1.0],
        [40.0, -50.0, 0.0, 0.125],
    ]
)
half_rows = torch.tensor(
    [
        [600.0, -600.0, 300.0, 0.0],
        [6e4, 6e4, 1.0, -6e4],
        [6e-8, 0.0, -6e-8, 1e-4],
        [2.0, 2.0, 2.0, 2.0],
        [inf, 1.0, 2.0, 3.0],
        [nan, 1.0, -inf, 0.0],
    ]
)


def rows(
    name,
    f,
    gradients=True,
    result=None,
    kept=False,
    empty=True,
    axes=True,
    second=True,
    integer=None,
    without=(),
    finite_first=None,
    instead=None,
    instead_empty=None,
    half=True,
    instead_bounded=None,
    one=True,
    instead_half=None,
    instead_one=None,
    edges=None,
    halves_of=None,
):
    """f(x, axis): along rows, down columns, and over all where `axes` says so. `empty`: whether PyTorch has a result
    of nothing."""
    kind = dict(derive=gradients, second=second, result=result)
    edges = edge_rows if edges is None else edges
    cell(f"{name}/values", lambda x: f(x, 1), edges, instead=instead, **kind)
    cell(f"{name}/ties", lambda x: f(x, 1), tied, **kind)
    cell(f"{name}/one", lambda x: f(x, 1), torch.tensor([[2.0], [-0.0], [-3.5]]), instead=instead_one, **kind)
    cell(f"{name}/empty.rows", lambda x: f(x, 1), torch.zeros(0, 3), **kind)
    if empty:
        cell(f"{name}/empty", lambda x: f(x, 1), torch.zeros(3, 0), instead=instead_empty, **kind)
    for n in (0, 1, 4):
        cell(f"{name}/bounded.rows.{n}", lambda x: f(x, 1), Bounded(plain[:n], 4), **kind)
        if n > 0 or empty:
            p = plain.T.contiguous()
            cell(
                f"{name}/bounded.{n}",
                lambda x: f(x, 1),
                Bounded(p[:, :n].contiguous(), 4, 1),
                instead=instead_empty if n == 0 else (instead_bounded or {}).get(n),
                **kind,
            )
    if axes:
        cell(
            f"{name}.columns/values",
            lambda x: f(x, 0),
            edges.T.contiguous(),
            instead=instead and {k: (lambda d, x, c=c: c(d.T, x.T).T) for k, c in instead.items()},
            **kind,
        )
        cell(f"{name}.columns/ties", lambda x: f(x, 0), tied.T.contiguous(), **kind)
        cell(f"{name}.columns/one", lambda x: f(x, 0), torch.tensor([[2.0, -0.0, -3.5]]), instead=instead_one, **kind)
        for n in (0, 1, 4):
            if n > 0 or empty:
                cell(
                    f"{name}.columns/bounded.{n}",
                    lambda x: f(x, 0),
                    Bounded(plain[:n], 4),
                    instead=instead_empty if n == 0 else (instead_bounded or {}).get(n),
                    **kind,
                )
    for dtype in halves:
        if half:
            x = half_rows if halves_of is None else halves_of
            cell(
                f"{name}/half.{names[dtype]}",
                lambda x: f(x, 1),
                x.to(dtype),
                derive=gradients,
                result=result or dtype,
                instead=instead_half,
            )
    for dtype in integers:
        if dtype in without:
            continue
        x = torch.tensor(wide_range[dtype]).to(dtype)
        g = integer or (f if kept else lambda t, axis: f(t.double(), axis))
        cell(
            f"{name}/integers.{names[dtype]}", lambda t: g(t, 1), x, result=result or (None if kept else torch.float32)
        )


rows("sum", lambda x, a: x.sum(a), kept=True)
rows("prod", lambda x, a: x.prod(a), kept=True, edges=zero_rows, halves_of=zero_rows)
cell("prod/values.infinite", lambda x: x.prod(1), edge_rows, derive=False)
rows("mean", lambda x, a: x.mean(a))
rows("amax", lambda x, a: x.amax(a), kept=True, empty=False)
rows("amin", lambda x, a: x.amin(a), kept=True, empty=False)
rows(
    "argmax",
    lambda x, a: x.argmax(a),
    gradients=False,
    result=torch.int32,
    empty=False,
    integer=lambda x, a: x.long().argmax(a),
)
rows(
    "argmin",
    lambda x, a: x.argmin(a),
    gradients=False,
    result=torch.int32,
    empty=False,
    integer=lambda x, a: x.long().argmin(a),
)
rows("any", lambda x, a: x.bool().any(a), gradients=False, result=torch.bool)
rows("all", lambda x, a: x.bool().all(a), gradients=False, result=torch.bool)
nan_rows = dict(d0=lambda d, x: torch.where(x.isinf().any(1, keepdim=True), nan, d))
rows("var", lambda x, a: x.var(a), instead=nan_rows, instead_half=nan_rows)
rows("var.population", lambda x, a: x.var(a, correction=0), instead=nan_rows, instead_half=nan_rows)
rows("std_dev", lambda x, a: x.std(a))
rows(
    "norm",
    lambda x, a: torch.linalg.vector_norm(x, dim=a),
    instead=dict(h0=lambda h, x: torch.where((x == 0).all(1, keepdim=True), 0.0, h)),
    instead_one=dict(h0=lambda h, x: torch.where(x == 0, 0.0, h)),
)
rows("logsumexp", lambda x, a: x.logsumexp(a))
rows("softmax", lambda x, a: x.softmax(a))
rows("log_softmax", lambda x, a: x.log_softmax(a))
rows("softmin", lambda x, a: F.softmin(x, a))
rows("cumsum", lambda x, a: x.cumsum(a), kept=True)


# ---- views and assemblies: elements come through as they are, zeros with their sign --------------------------------
odd = torch.tensor([[0.0, -0.0, inf], [nan, -inf, 1e30], [2.0, 2.0, -1e-30], [0.5, -3.0, 4.0]])
whole = {torch.float16: torch.tensor([[0.0, -0.0, inf], [nan, -inf, 65504.0], [6e-8, 2.0, -1.0], [0.5, -3.0, 4.0]])}
whole[torch.bfloat16] = whole[torch.float16]
for dtype in integers:
    low, high = (0, 1) if dtype == torch.bool else (torch.iinfo(dtype).min, torch.iinfo(dtype).max)
    if dtype == torch.int64:
        low, high = -(2**53), 2**53
    whole[dtype] = torch.tensor([[0, 1, high], [low, 1, 0], [high, low, 1], [1, 0, 0]])


def views(name, f, operands=1, empty=None, one=True, bounded=True, kinds=True, shape=None):
    """f of tensors [4, 3], and where it takes any shape, of [0, 3], [1, 1] and bounded rows."""

    def given(x):
        x = x if shape is None else x.reshape(shape)
        return [x] + [x.flip(0) for _ in range(operands - 1)]

    cell(f"{name}/values.signs", f, *given(odd))
    if empty is not False:
        cell(f"{name}/empty", f, *[torch.zeros(0, 3)] * operands)
    if one:
        cell(f"{name}/one", f, *[torch.tensor([[-0.0]])] * operands)
    for n in (0, 1, 4):
        if bounded:
            cell(f"{name}/bounded.{n}", f, *[Bounded(x[:n], 4) for x in given(odd)])
    for dtype in halves + integers:
        if kinds:
            kind = "half" if dtype in halves else "integers"
            cell(f"{name}/{kind}.signs.{names[dtype]}", f, *given(whole[dtype].to(dtype)), result=dtype)


views("transpose", lambda x: x.mT, bounded=False)
views("permute", lambda x: x.permute(1, 0), bounded=False)
for n in (0, 1, 4):
    cell(f"transpose/bounded.{n}", lambda x: x.mT, Bounded(odd[:n], 4), bound=(1, 4, "B"))
    cell(f"permute/bounded.{n}", lambda x: x.permute(1, 0), Bounded(odd[:n], 4), bound=(1, 4, "B"))
views("reshape", lambda x: x.reshape(3, 4), empty=False, one=False, bounded=False)
cell("reshape.empty/empty", lambda x: x.reshape(3, 0, 2), torch.zeros(0, 3))
cell("reshape.one/one.signs", lambda x: x.reshape(1, 1, 1), torch.tensor([[-0.0]]))
for n in (0, 1, 4):
    cell(f"reshape.rows/bounded.{n}", lambda x: x.reshape(-1, 3, 1), Bounded(odd[:n], 4))
views("flatten", lambda x: x.flatten(1), shape=(4, 3, 1), one=False, empty=False)
cell("flatten/empty", lambda x: x.flatten(1), torch.zeros(0, 3, 2))
cell("flatten/one", lambda x: x.flatten(1), torch.tensor([[[-0.0]]]))
views("unsqueeze", lambda x: x.unsqueeze(1))
views("broadcast_to", lambda x: x.broadcast_to(2, 4, 3), empty=False, one=False, bounded=False)
cell("broadcast_to.empty/empty", lambda x: x.broadcast_to(0, 3), torch.ones(1, 3))
for n in (0, 1, 4):
    cell(f"broadcast_to.rows/bounded.{n}", lambda x: x.broadcast_to(2, -1, 3), Bounded(odd[:n], 4), bound=(1, 4, "B"))
cell("broadcast_to.one/one", lambda x: x.broadcast_to(1, 1), torch.tensor([2.0]))
views("slice", lambda x: x[:, 1:], one=False)
cell("slice.one/one", lambda x: x[0:1], torch.tensor([2.0]))
cell("slice.nothing/empty", lambda x: x[:, 2:2], odd)
views("flip", lambda x: x.flip(1))
views("unfold", lambda x: x.unfold(1, 2, 1), one=False)
cell("unfold.one/one", lambda x: x.unfold(0, 1, 1), torch.tensor([2.0]))
views("concatenate", lambda x, y: torch.cat([x, y], 1), 2)
cell("concatenate/empty.joined", lambda x, y: torch.cat([x, y], 1), torch.zeros(2, 0), torch.ones(2, 1))
views("stack", lambda x, y: torch.stack([x, y], 1), 2)
views("pad", lambda x: F.pad(x, (1, 2)))
cell("pad.infinite/values", lambda x: F.pad(x, (1, 0), value=-inf), odd)
cell("pad.cut/values", lambda x: F.pad(x, (-1, 1), value=nan), odd)
views("stop_gradient", lambda x: x.detach())
# Images [3, 4, 1, 1] and back, with one more: PyTorch gives none of them another shape, and their gradient too.
for name, f in dict(pixel_shuffle=F.pixel_shuffle, pixel_unshuffle=F.pixel_unshuffle).items():
    shape = (4, 1, 1) if name == "pixel_shuffle" else (1, 2, 2)
    two = lambda x: f(torch.cat([x, torch.zeros(1, *shape, dtype=x.dtype)]), 2)[:-1]
    views(name, two, shape=(3, *shape), empty=False, one=False, bounded=False)
    cell(f"{name}/empty", two, torch.zeros(0, *shape))
    cell(f"{name}.one/one", lambda x: f(x, 1), torch.full((1, 1, 1, 1), -0.0))
    for n in (0, 1, 3):
        cell(f"{name}/bounded.{n}", two, Bounded(odd.reshape(3, *shape)[:n], 3))

# ---- elements at indices ---------------------------------------------------------------------------------------------
indices = torch.tensor([[2, 2], [0, 1], [1, 1], [2, 0]])
cell("gather/values", lambda x, i: x.gather(1, i), odd, indices)
cell("gather/empty", lambda x, i: x.gather(1, i), odd, torch.zeros(4, 0, dtype=torch.int64))
cell("gather/empty.rows", lambda x, i: x.gather(1, i), torch.zeros(0, 3), torch.zeros(0, 2, dtype=torch.int64))
cell("gather/one", lambda x, i: x.gather(1, i), torch.tensor([[-0.0]]), torch.tensor([[0]]))
add = lambda x, i, u: x.scatter_add(1, i, u)
updates = torch.tensor([[1.0, inf], [nan, 2.0], [-0.0, 0.0], [3.0, -inf]])
cell("scatter_add/values", add, odd, indices, updates)
cell("scatter_add/empty", add, odd, torch.zeros(4, 0, dtype=torch.int64), torch.zeros(4, 0))
cell("scatter_add/one", add, torch.tensor([[2.0]]), torch.tensor([[0]]), torch.tensor([[-3.0]]))
for name in ("take", "embedding"):
    rows_of = lambda x, i: F.embedding(i, x)
    cell(f"{name}/values", rows_of, odd, torch.tensor([[3, 0], [1, 1]]))
    cell(f"{name}/empty", rows_of, odd, torch.zeros(0, dtype=torch.int64))
    cell(f"{name}/one", rows_of, torch.tensor([[2.0]]), torch.tensor([0]))
    for n in (0, 1, 4):
        cell(f"{name}/bounded.{n}", rows_of, odd, Bounded(torch.tensor([3, 1, 1, 0])[:n], 4), bound=(0, 4, "B"))
    for dtype in halves + integers:
        cell(
            f"{name}/{'half' if dtype in halves else 'integers'}.{names[dtype]}",
            lambda x, i: x[i],
            whole[dtype].to(dtype),
            torch.tensor([3, 1, 1, 0]),
            result=dtype,
        )
for n in (0, 1, 4):
    cell(f"gather/bounded.{n}", lambda x, i: x.gather(1, i), Bounded(odd[:n], 4), Bounded(indices[:n], 4))
    cell(f"scatter_add/bounded.{n}", add, Bounded(odd[:n], 4), Bounded(indices[:n], 4), Bounded(updates[:n], 4))
for dtype in halves + integers:
    kind = "half" if dtype in halves else "integers"
    cell(f"gather/{kind}.{names[dtype]}", lambda x, i: x.gather(1, i), whole[dtype].to(dtype), indices, result=dtype)
    small = torch.tensor([[100, 1, 0], [1, 2, 3], [0, 0, 1], [7, 1, 2]])
    few_updates = torch.tensor([[1, 2], [3, 4], [5, 6], [7, 8]])
    if dtype != torch.bool:
        cell(
            f"scatter_add/{kind}.{names[dtype]}",
            add,
            small.to(dtype),
            indices,
            few_updates.to(dtype),
            result=dtype,
        )

# ---- products -------------------------------------------------------------------------------------------------------
a = torch.tensor([[1.0, 0.0, -2.0], [inf, 0.5, 1.0], [0.0, -0.0, 0.0], [nan, 1.0, 2.0]])
b = torch.tensor([[0.0, 1.0], [2.0, -inf], [1.0, 0.5]])
for name, f in {"matmul": torch.matmul, "einsum": lambda x, y: torch.einsum("ij,jk->ik", x, y)}.items():
    cell(f"{name}/values", f, a, b)
    cell(f"{name}/empty", f, torch.zeros(2, 0), torch.zeros(0, 3))
    cell(f"{name}/empty.rows", f, torch.zeros(0, 2), torch.ones(2, 3))
    cell(f"{name}/one", f, torch.tensor([[2.0]]), torch.tensor([[-3.0]]))
    for n in (0, 1, 4):
        cell(f"{name}/bounded.rows.{n}", f, Bounded(plain[:n], 4), b[:, :1].nan_to_num(0, 0, 0))
        cell(
            f"{name}/bounded.{n}",
            f,
            Bounded(plain.T.contiguous()[:, :n].contiguous(), 4, 1),
            Bounded(plain[:n], 4),
            bound=False,
        )
    for dtype in halves:
        cell(f"{name}/half.{names[dtype]}", f, (a * 200).to(dtype), b.to(dtype), result=dtype)
    for dtype in integers:
        x, y = torch.tensor([[1, 0, 3], [100, 100, 2]]).to(dtype), torch.tensor([[1, 2], [100, 0], [0, 1]]).to(dtype)
        cell(f"{name}/integers.{names[dtype]}", lambda x, y: f(as_int32(x), as_int32(y)), x, y)
cell("matmul.vectors/one", torch.matmul, torch.tensor([2.0, inf]), torch.tensor([1.0, 0.0]))
cell("matmul.batches/values", torch.matmul, torch.stack([a, a.flip(0)]), b)
cell("einsum.outer/values", lambda x, y: torch.einsum("i,j->ij", x, y), a[:, 0].contiguous(), b[:, 1].contiguous())
cell("einsum.sum/values", lambda x: torch.einsum("ij->j", x), a)


# ---- windows over images --------------------------------------------------------------------------------------------
def images(name, f, image, *weights, second=True, whole=None, types=halves + integers, kept=False, as_is=False):
    """f of images [N, C, …] and weights: odd pixels, ties, batches of 0, 1 and all, 16-bit floats, integers."""
    kind = dict(second=second)
    cell(f"{name}/ties", f, (image * 2).round() / 2, *weights, **kind)
    for n, bad in enumerate((inf, -inf, nan)):
        x = image.clone()
        x[0].flatten()[3] = bad
        cell(f"{name}/values.{n}", f, x, *weights, derive=not weights, **kind)
    cell(f"{name}/values.zeros", f, image * 0, *weights, **kind)
    if not weights:
        cell(f"{name}/values.none", f, image * 0 - inf, **kind)
    cell(f"{name}.empty/empty", f, image[:0], *weights, **kind)
    for n in (0, 1, 2):
        cell(f"{name}.bounded/bounded.{n}", f, Bounded(image[:n], 2), *weights, **kind)
    for dtype in types:
        tag = f"{'half' if dtype in halves else 'integers'}.{names[dtype]}"
        if dtype in halves:
            cell(
                f"{name}.{names[dtype]}/{tag}",
                f,
                (image * 100).to(dtype),
                *(w.to(dtype) for w in weights),
                result=dtype,
            )
            continue
        x = (image * 40).round().clamp(-128 if dtype != torch.uint8 else 0, 127).to(dtype)
        if dtype == torch.uint8:
            x = x + 128
        of = [x] + [w.round().clamp(-1 if dtype not in (torch.uint8, torch.bool) else 0, 1).to(dtype) for w in weights]
        result = dtype if as_is else as_int32(x).dtype if kept else torch.float32
        cell(f"{name}.{names[dtype]}/{tag}", lambda *a: f(*(t.double() for t in a)), *of, result=result)


torch.manual_seed(3)
pixels = {1: torch.randn(2, 2, 6), 2: torch.randn(2, 2, 4, 5), 3: torch.randn(2, 2, 3, 4, 3)}
pixels = {d: (x * 8).round() / 8 for d, x in pixels.items()}
taps = {1: torch.tensor([[[1.0, 0.0, -0.5], [0.5, 0.0, 0.0]], [[0.0, 2.0, 1.0], [-1.0, 0.0, 0.25]]])}
taps[2] = torch.stack([taps[1], taps[1].flip(0) * 0.5], 2)
taps[3] = torch.stack([taps[2], taps[2].flip(1) * 0.5], 2)[..., :2]
for d, f in {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}.items():
    images(f"conv{d}d", f, pixels[d], taps[d].contiguous(), kept=True)
    # One pixel, one tap.
    shape = (1, 1) + (1,) * d
    cell(f"conv{d}d.one/one", f, torch.full(shape, 2.0), torch.full(shape, -3.0))
cell("conv1d.padded/options", lambda x, w: F.conv1d(x, w, stride=3, padding=4, dilation=2), pixels[1], taps[1])
cell("conv1d.groups/options", lambda x, w: F.conv1d(x, w, stride=9, groups=2), pixels[1], taps[1][:, :1].contiguous())
cell(
    "conv3d.padded/options",
    lambda x, w: F.conv3d(x, w, stride=(1, 2, 3), padding=(1, 0, 2), dilation=(2, 1, 1)),
    pixels[3],
    taps[3].contiguous(),
)
cell("conv2d.padded/ties", lambda x, w: F.conv2d(x, w, stride=2, padding=2), pixels[2], taps[2].contiguous())
# An infinite pixel where windows overlap, 3 × 3, for which there are faster forms.
wide = torch.zeros(1, 1, 12, 12)
wide[0, 0, 5, 6], wide[0, 0, 0, 0], wide[0, 0, 11, 3] = inf, nan, -inf
cell(
    "conv2d.large/values",
    lambda x, w: F.conv2d(x, w, padding=1),
    wide,
    torch.arange(1.0, 10).reshape(1, 1, 3, 3),
    derive=False,
)
for d, f in {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}.items():
    images(f"max_pool{d}d", lambda x: f(x, 2, stride=1), pixels[d], second=False, as_is=True)
    cell(f"max_pool{d}d.one/one", lambda x: f(x, 1), torch.full((1, 1) + (1,) * d, -2.0), second=False)
    cell(f"max_pool{d}d.padded/options", lambda x: f(x, 3, stride=2, padding=1), pixels[d].round(), second=False)
    cell(f"max_pool{d}d.padded/values", lambda x: f(x, 3, stride=2, padding=1), pixels[d] * 0 - inf, derive=False)
row = torch.tensor([[[1.0, 1, 0, nan, 2, inf, inf, -inf, 3, 3, 3, 0, -inf, 5, 5, nan, 1, 2, 2, 1, 1, 0, 4, 4]]])
cell("max_pool1d.large/values", lambda x: F.max_pool1d(x, 11, stride=6), row, second=False)
for d, f in {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}.items():
    images(f"avg_pool{d}d", lambda x: f(x, 2, stride=1), pixels[d])
    cell(f"avg_pool{d}d.one/one", lambda x: f(x, 1), torch.full((1, 1) + (1,) * d, -2.0))
    cell(f"avg_pool{d}d.padded/options", lambda x: f(x, 3, stride=2, padding=1, count_include_pad=False), pixels[d])
for d, f in {1: F.adaptive_avg_pool1d, 2: F.adaptive_avg_pool2d}.items():
    images(f"adaptive_avg_pool{d}d", lambda x: f(x, 1 if d == 2 else 3), pixels[d])
    cell(f"adaptive_avg_pool{d}d.one/one", lambda x: f(x, 1), torch.full((1, 1) + (1,) * d, -2.0))
halves_of = torch.tensor([[1.0, inf, -1.0, 0.0], [nan, 2.0, inf, -inf], [-inf, 0.0, 1e4, -0.0], [0.5, -2.0, nan, 3.0]])
cell("glu/values", lambda x: F.glu(x, 1), halves_of)
cell("glu/empty", lambda x: F.glu(x, 1), torch.zeros(3, 0))
cell("glu/empty.rows", lambda x: F.glu(x, 1), torch.zeros(0, 4))
cell("glu/one", lambda x: F.glu(x, 1), torch.tensor([[2.0, -3.0]]))
for n in (0, 1, 4):
    cell(f"glu/bounded.{n}", lambda x: F.glu(x, 1), Bounded(halves_of[:n], 4))
for dtype in halves:
    cell(f"glu/half.{names[dtype]}", lambda x: F.glu(x, 1), (halves_of.nan_to_num(1) * 3).to(dtype), result=dtype)
for dtype in integers:
    cell(
        f"glu/integers.{names[dtype]}",
        lambda x: F.glu(x.double(), 1),
        torch.tensor(wide_range[dtype]).to(dtype),
        result=torch.float32,
    )

# ---- attention ------------------------------------------------------------------------------------------------------
torch.manual_seed(5)
q, k, v = ((torch.randn(2, n, e) * 8).round() / 8 for n, e in ((3, 4), (4, 4), (4, 2)))


def attention(q, k, v, mask=None):
    """Rows without keys are 0 (docs/support.md)."""
    scores = q @ k.mT / q.shape[-1] ** 0.5
    if mask is not None:
        scores = scores.masked_fill(~mask, -inf) if mask.dtype == torch.bool else scores + mask
    if k.shape[-2] == 0:
        return torch.zeros(*q.shape[:-1], v.shape[-1], dtype=q.dtype) + 0 * q.sum()
    none = (scores == -inf).all(-1, keepdim=True)
    p = torch.where(none, 0.0, torch.where(none, 0.0, scores).softmax(-1))
    y = p @ v
    if not bool(none.any()) and v.shape[-2] > 0 and q.numel() > 0:
        same = F.scaled_dot_product_attention(q, k, v, mask)
        assert torch.allclose(y, same, equal_nan=True, atol=1e-5)
    return y


one_more = torch.tensor([[True, False, True, True], [False, False, False, False], [False, True, False, False]])
numbers = torch.where(one_more, torch.tensor([0.5, 0.0, -1.0, 2.0]), -inf)
unusual_q, unusual_v = q.clone(), v.clone()
unusual_q[0, 1, 0], unusual_q[1, 2, 3], unusual_v[1, 2, 0], unusual_v[1, 3, 1] = inf, nan, -inf, nan
for name in ("attention", "attention.composed"):
    kind = dict(second=name.endswith("composed"))
    cell(f"{name}/values", attention, q * 30, k * 30, v, **kind)
    cell(f"{name}/values.infinite", attention, unusual_q, k, unusual_v, derive=False)
    cell(f"{name}/ties", attention, q * 0, k, v, **kind)
    cell(f"{name}/one", attention, q[:, :1], k[:, :1], v[:, :1], **kind)
    cell(f"{name}/empty", attention, q[:, :0], k, v, **kind)
    cell(f"{name}/empty.keys", attention, q, k[:, :0], v[:, :0], **kind)
    for n in (0, 1, 4):
        cell(
            f"{name}/bounded.{n}",
            attention,
            q,
            Bounded(k[:, :n].contiguous(), 4, 1, "K"),
            Bounded(v[:, :n].contiguous(), 4, 1, "K"),
            bound=False,
            **kind,
        )
    for n in (0, 1, 3):
        cell(f"{name}/bounded.queries.{n}", attention, Bounded(q[:, :n].contiguous(), 3, 1, "Q"), k, v, **kind)
    for dtype in halves:
        cell(
            f"{name}/half.{names[dtype]}",
            attention,
            (q * 2).to(dtype),
            (k * 2).to(dtype),
            (v * 1e3).to(dtype),
            result=dtype,
        )
    cell(
        f"{name}/integers.int64",
        lambda *a: attention(*(t.double() for t in a)),
        *((t * 4).round().to(torch.int64) for t in (q, k, v)),
        result=torch.float32,
    )
    cell(f"{name}.masked/masked.bool", lambda q, k, v, m: attention(q, k, v, m), q, k, v, one_more, **kind)
    cell(
        f"{name}.masked/masked.all",
        lambda q, k, v, m: attention(q, k, v, m),
        q,
        k,
        v,
        torch.zeros(3, 4, dtype=torch.bool),
        **kind,
    )
    cell(f"{name}.added/masked.numbers", lambda q, k, v, m: attention(q, k, v, m), q, k, v, numbers, **kind)
heads = lambda q, k, v: torch.cat(
    [attention(*(t[..., h : h + 2] for t in (q, k)), v[..., h : h + 2]) for h in (0, 2)], -1
)
v4 = torch.cat([v, v.flip(1) * 0.5], -1)
cell("multi_head/values", heads, q, k, v4, second=False)
cell("multi_head/one", heads, q[:, :1], k[:, :1], v4[:, :1], second=False)
cell("multi_head/empty", heads, q[:, :0], k, v4, second=False)
for n in (0, 1, 4):
    cell(
        f"multi_head/bounded.{n}",
        heads,
        q,
        Bounded(k[:, :n].contiguous(), 4, 1, "K"),
        Bounded(v4[:, :n].contiguous(), 4, 1, "K"),
        bound=False,
        second=False,
    )


# ---- layers: operands are the input and the parameters and buffers in their order ---------------------------
weight4, bias4 = torch.tensor([0.5, -2.0, 1.0, 3.0]), torch.tensor([1.0, 0.0, -0.5, 2.0])
small_rows = torch.tensor(
    [[0.5, -1.25, 2.0, 0.0], [3.0, 3.0, 3.0, 3.0], [0.0, 0.0, -0.0, 0.0], [1.0, -0.75, -3.0, 1.0]]
)
wild = torch.tensor([[inf, 0.0, 1.0, 2.0], [nan, 0.0, 1.0, 2.0], [-inf, -inf, 1.0, 0.0], [1e4, -1e4, 1e4, 3.0]])


def normalised(name, f, *leaves, batch=False, one=None, empty=True):
    cell(f"{name}/ties", f, small_rows, *leaves)
    cell(f"{name}/values", f, wild, *leaves, derive=False)
    if one is not None:
        cell(f"{name}.one/one", f, torch.tensor([[2.0], [-0.0], [0.5]]), *one)
    if empty:
        cell(f"{name}.empty/empty", f, torch.zeros(0, 4), *leaves)
    for n in (0, 1, 2, 4):
        if n > (1 if batch else -1):
            cell(f"{name}.bounded/bounded.{n}", f, Bounded(small_rows[:n], 4), *leaves)
    for dtype in halves:
        cell(
            f"{name}.{names[dtype]}/half.{names[dtype]}",
            f,
            (small_rows * 300).to(dtype),
            *leaves,
            derive=False,
            result=torch.float32,
        )
    cell(
        f"{name}.int64/integers.int64",
        lambda x, *a: f(x.to(a[0].dtype), *a),
        torch.tensor([[1, 2, 3, 7], [4, 4, 4, 4], [-1, 0, 2, 0], [9, 8, 7, 6]]),
        *leaves,
        derive=False,
    )


one_each = torch.tensor([0.5]), torch.tensor([1.0])
normalised("layer_norm", lambda x, w, b: F.layer_norm(x, x.shape[1:], w, b), weight4, bias4, one=one_each)
normalised("rms_norm", lambda x, w: F.rms_norm(x, x.shape[1:], w, eps=2.0**-23), weight4, one=one_each[:1])
normalised("group_norm", lambda x, w, b: F.group_norm(x, 2, w, b), weight4, bias4)
mean4, var4, count = torch.tensor([0.25, 0.0, -1.0, 2.0]), torch.tensor([1.0, 0.0, 4.0, 0.25]), torch.tensor(3)
in_training = lambda x, w, b, m, v, n: F.batch_norm(x, None, None, w, b, training=True) + 0 * (m.sum() + v.sum())
normalised("batch_norm", in_training, weight4, bias4, mean4, var4, count, batch=True, empty=False)
# PyTorch has no gradient of running statistics.
normalised(
    "batch_norm.inference",
    lambda x, w, b, m, v, n: (x - m) / (v + 1e-5).sqrt() * w + b,
    weight4,
    bias4,
    mean4,
    var4,
    count,
)
for d, shape in {2: (2, 4, 1, 2), 3: (2, 4, 1, 1, 2)}.items():
    x = torch.cat([small_rows, small_rows.flip(1)]).reshape(-1)[:16].reshape(shape)
    f = in_training
    cell(f"batch_norm{d}d/ties", f, x, weight4, bias4, mean4, var4, count)
    for n in (1, 2):
        cell(f"batch_norm{d}d.bounded/bounded.{n}", f, Bounded(x[:n], 2), weight4, bias4, mean4, var4, count)


def module_of(made):
    def f(x, *leaves):
        m = made.double() if x.dtype == torch.float64 else made.float()
        y = torch.func.functional_call(m, dict(zip((n for n, _ in m.named_parameters()), leaves)), (x,))
        return y[0] if isinstance(y, tuple) else y

    return f


torch.manual_seed(8)
for name, made in {
    "rnn": torch.nn.RNN(3, 2),
    "rnn_relu": torch.nn.RNN(3, 2, nonlinearity="relu"),
    "gru": torch.nn.GRU(3, 2),
    "lstm": torch.nn.LSTM(3, 2),
}.items():
    leaves = [(p.detach() * 16).round() / 16 for _, p in made.named_parameters()]
    f, x = module_of(made), (torch.randn(3, 2, 3) * 8).round() / 8
    if name != "rnn_relu":
        cell(f"{name}/ties", f, x, *leaves)
        cell(f"{name}.step/one", f, x[:1, :1].contiguous(), *leaves)
        cell(f"{name}.empty/empty", f, x[:, :0].contiguous(), *leaves)
        for n in (0, 1, 2):
            cell(f"{name}.bounded/bounded.{n}", f, Bounded(x[:, :n].contiguous(), 2, 1), *leaves, bound=(1, 2, "B"))
        cell(f"{name}.float16/half.float16", f, (x * 10).to(torch.float16), *leaves, derive=False, result=torch.float32)
        cell(
            f"{name}.int64/integers.int64",
            lambda x, *a: f(x.to(a[0].dtype), *a),
            (x * 4).round().to(torch.int64),
            *leaves,
            derive=False,
        )
        long = (torch.randn(12, 2, 3) * 8).round() / 8
        long[3, 0, 1], long[6, 1, 0] = inf, nan
        cell(f"{name}.long/values", f, long, *leaves, derive=False)
        cell(f"{name}.long/ties", f, long.nan_to_num(1, 1, 1), *leaves, second=False)
    x = x.clone()
    x[1, 0, 1], x[1, 1, 0] = inf, nan
    cell(f"{name}/values", f, x, *leaves, derive=False)

# ---- losses ---------------------------------------------------------------------------------------------------------
prediction = torch.tensor([[0.25, 0.5, 0.75], [0.5, 0.125, 0.875], [0.0, 1.0, 0.5], [0.75, 0.5, 0.25]])
target = torch.tensor([[0.25, 0.0, 1.0], [0.5, 0.25, 0.875], [0.0, 1.0, 0.25], [0.5, 1.0, 0.75]])
for name, f in {
    "mse_loss": F.mse_loss,
    "l1_loss": F.l1_loss,
    "huber_loss": F.huber_loss,
    "kl_div": F.kl_div,
    "smooth_l1_loss": F.smooth_l1_loss,
    "binary_cross_entropy": F.binary_cross_entropy,
    "binary_cross_entropy_with_logits": F.binary_cross_entropy_with_logits,
}.items():
    of_t = dict(second=True)
    with_zero = lambda n: (prediction[:n], target[:n])
    if name == "kl_div":  # what logarithms of targets of 0 do stands in edges.txt
        with_zero = lambda n: (prediction[:n], target.clamp(0.125)[:n])
    if name == "binary_cross_entropy":
        with_zero = lambda n: (prediction.clamp(0.125, 0.875)[:n], target[:n])
        # PyTorch's has no second derivative along the target.
        f = lambda x, t: -(t * x.log() + (1 - t) * (1 - x).log()).mean()
    cell(f"{name}/ties", f, *with_zero(4), **of_t)
    cell(f"{name}.one/one", f, torch.tensor([[0.5]]), torch.tensor([[0.25]]), **of_t)
    cell(f"{name}.empty/empty", f, torch.zeros(0, 3), torch.zeros(0, 3), **of_t)
    for n in (0, 1, 4):
        cell(f"{name}.bounded/bounded.{n}", f, *(Bounded(a, 4) for a in with_zero(n)), bound=False, **of_t)
    for dtype in halves:
        cell(f"{name}.{names[dtype]}/half.{names[dtype]}", f, *(a.to(dtype) for a in with_zero(4)), result=dtype)
    if "binary" not in name and name != "kl_div":
        cell(
            f"{name}.uint8/integers.uint8",
            lambda x, t: f(x.double(), t.double()),
            torch.tensor([[255, 0, 1]] * 4, dtype=torch.uint8),
            torch.tensor([[0, 255, 1]] * 4, dtype=torch.uint8),
            result=torch.float32,
        )
    else:
        g = F.binary_cross_entropy if name == "binary_cross_entropy" else f
        cell(
            f"{name}.bool/integers.bool",
            lambda x, t: g(x.double(), t.double()),
            torch.tensor([[True, False, True]] * 4),
            torch.tensor([[True, False, True]] * 4),
            result=torch.float32,
        )
logits = torch.tensor([[0.5, -1.0, 2.0], [1.0, 1.0, 1.0], [-2.0, 0.0, 3.0], [0.0, 0.5, 0.25]])
labels, none = torch.tensor([2, 0, -100, 1]), torch.tensor([-100, -100, -100, -100])
for name, f in {
    "cross_entropy": F.cross_entropy,
    "nll_loss": F.nll_loss,
    "cross_entropy.smooth": lambda x, t: F.cross_entropy(x, t, label_smoothing=0.25),
}.items():
    cell(f"{name}/ties", f, logits, labels)
    nothing = dict(d0=torch.zeros(4, 3, dtype=torch.float64), h0=torch.zeros(4, 3, dtype=torch.float64))
    cell(f"{name}/masked.all", f, logits, none, instead=nothing)
    cell(f"{name}.one/one", f, torch.tensor([[2.0]]), torch.tensor([0]))
    cell(f"{name}.empty/empty", f, torch.zeros(0, 3), labels[:0])
    for n in (0, 1, 4):
        cell(f"{name}.bounded/bounded.{n}", f, Bounded(logits[:n], 4), Bounded(labels[:n], 4), bound=False)
    for dtype in halves:
        cell(f"{name}.{names[dtype]}/half.{names[dtype]}", f, (logits * 20).to(dtype), labels, result=dtype)
    cell(
        f"{name}.int64/integers.int64", lambda x, t: f(x.double(), t), (logits * 2).long(), labels, result=torch.float32
    )

# ---- optimizers: three steps, element by element ---------------------------------------------------------
start = torch.tensor([1.0, -2.0, 0.5, 0.0, 3.0, -1.0, 1.0, -inf])
steps = [
    torch.tensor([0.0, inf, nan, 1e-30, 1e15, -0.5, 1e-8, 0.0]),
    torch.tensor([0.0, 1.0, 1.0, 0.0, 1.0, 0.0, 1e-8, 0.0]),
    torch.tensor([0.0, -1.0, 1.0, 0.0, 0.0, 0.25, 0.0, 0.0]),
]


def stepped(make, clip=None):
    def f(p, *gradients):
        leaf = torch.nn.Parameter(p.detach().clone())
        optimizer = make([leaf])
        for g in gradients:
            leaf.grad = g.detach().clone()
            if clip is not None:
                clip(leaf)
            optimizer.step()
        return leaf.detach()

    return f


single = lambda x: float(torch.tensor(x, dtype=torch.float32))
o = torch.optim
betas = dict(betas=(single(0.9), single(0.999)), eps=single(1e-8))
for name, make in {
    "sgd": lambda p: o.SGD(p, lr=single(0.1)),
    "sgd.momentum": lambda p: o.SGD(p, lr=single(0.1), momentum=single(0.9), nesterov=True, weight_decay=single(0.01)),
    "adam": lambda p: o.Adam(p, lr=single(0.1), **betas),
    "adamw": lambda p: o.AdamW(p, lr=single(0.1), weight_decay=single(0.01), **betas),
    "amsgrad": lambda p: o.Adam(p, lr=single(0.1), amsgrad=True, **betas),
    "rmsprop": lambda p: o.RMSprop(p, lr=single(0.1), alpha=single(0.99), eps=single(1e-8), momentum=0.5),
    "adagrad": lambda p: o.Adagrad(p, lr=single(0.1), eps=single(1e-10)),
}.items():
    cell(f"{name}/values", stepped(make), start, *steps, derive=False)
    cell(f"{name}/one", stepped(make), start[:1], *(g[:1] for g in steps), derive=False)
sgd = lambda p: o.SGD(p, lr=single(0.5))
limit = lambda leaf: torch.nn.utils.clip_grad_norm_([leaf], 1.0, foreach=False)
limit_values = lambda leaf: torch.nn.utils.clip_grad_value_([leaf], single(0.25), foreach=False)
calm = torch.tensor([3.0, -4.0, 0.5, 0.0, 0.25, -0.25, 1.0, 0.0])
for name, clip in {"clip_norm": limit, "clip_value": limit_values}.items():
    for n, g in {
        "calm": calm,
        "zero": calm * 0,
        "tiny": calm * 1e-12,
        "large": calm * 1e12,
        "infinite": torch.where(calm == 3, inf, calm),
        "nan": torch.where(calm == 3, nan, calm),
    }.items():
        cell(f"{name}/values.{n}", stepped(sgd, clip), start, g, g * 0, g * 0, derive=False)
    cell(f"{name}/one", stepped(sgd, clip), start[:1], *[calm[:1]] * 3, derive=False)

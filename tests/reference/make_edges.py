#!/usr/bin/env python3
"""Writes edges.txt: functions of elements at the joints of their branches, at zeros of both signs, far out, at
infinities and NaN.

For a function "edge.f", the name below, there are the arguments name.0 …, the value name.y, for each argument i the
derivative name.d<i>, and for each pair the second derivative name.d<i><j> (the derivative of name.d<i> along j; none
where PyTorch has none), all in float64. Where PyTorch in float32 overflows or loses an element on the way, what it
finds follows them as name.y32, name.d<i>32, …: single precision may do as it does. Run with PyTorch installed:
python3 make_edges.py > edges.txt
"""

import torch
import torch.nn.functional as F

torch.manual_seed(13)
inf, nan = float("inf"), float("nan")
f64, f32 = torch.float64, torch.float32


def show(name, t, exact=False):
    print(
        name,
        "[" + ",".join(map(str, t.shape)) + "]",
        *(format(float(x), ".17g" if exact else ".12g") for x in t.flatten()),
    )


def derivatives(f, arguments, dtype):
    """{"y": …, "d0": …, "d01": …}"""
    x = [a.to(dtype).requires_grad_() for a in arguments]
    y = f(*x)
    found = {"y": y.detach()}
    zeros = [torch.zeros_like(a) for a in x]
    first = torch.autograd.grad(y.sum(), x, create_graph=True, allow_unused=True)
    for i, d in enumerate(first):
        d = zeros[i] if d is None else d
        found[f"d{i}"] = d.detach()
        try:
            second = (
                torch.autograd.grad(d.sum(), x, allow_unused=True, retain_graph=True)
                if d.requires_grad
                else [None] * len(x)
            )
        except RuntimeError:  # PyTorch has no second derivative
            continue
        for j, dd in enumerate(second):
            found[f"d{i}{j}"] = zeros[j] if dd is None else dd.detach()
    return found


def edges(name, f, *arguments, instead=()):
    """`instead` holds (key, where, value): elements of which PyTorch's rule says something else than the function
    is."""
    name = "edge." + name
    arguments = [torch.tensor(a).float() if isinstance(a, list) else a.float() for a in arguments]
    arguments = [a.contiguous() for a in torch.broadcast_tensors(*arguments)]
    double, single = derivatives(f, arguments, f64), derivatives(f, arguments, f32)
    for key, where, value in instead:
        mask = where(*arguments)
        value = value(*(a.double() for a in arguments)) if callable(value) else torch.full_like(double[key], value)
        for found in (double, single):
            found[key] = torch.where(mask, value.to(found[key].dtype), found[key])
    for i, a in enumerate(arguments):
        show(f"{name}.{i}", a, exact=True)
    for key, expected in double.items():
        show(f"{name}.{key}", expected)
        rounded, found = expected.float(), single[key]
        near = (found - rounded).abs() <= 1e-5 * (1 + rounded.abs())
        if not bool((near | (found == rounded) | (found.isnan() & rounded.isnan())).all()):
            show(f"{name}.{key}32", found)


# Both signs of each, so that joints at ±3, ±6, ±λ are met from both sides and exactly.
sizes = [
    0.0,
    1e-30,
    1e-10,
    1e-4,
    0.25,
    0.5,
    0.75,
    1.0,
    1.5,
    2.0,
    2.999,
    3.0,
    3.001,
    5.0,
    6.0,
    9.0,
    16.0,
    19.999,
    20.0,
    20.001,
    40.0,
    87.0,
    100.0,
    200.0,
    1e4,
    1e10,
    1e30,
    inf,
]
both = [x for s in sizes for x in (s, -s)] + [nan]
positive = sizes + [nan]

edges("relu", torch.relu, both)
edges("leaky_relu", F.leaky_relu, both)
edges("leaky_relu_zero", lambda x: F.leaky_relu(x, 0.0), both)
edges("leaky_relu_one", lambda x: F.leaky_relu(x, 1.0), both)
edges("relu6", F.relu6, both)
edges("hardtanh", F.hardtanh, both)
edges("hardtanh_wide", lambda x: F.hardtanh(x, -3.0, 1.5), both)
edges("hardsigmoid", F.hardsigmoid, both)
edges("hardswish", F.hardswish, both)
edges("softshrink", F.softshrink, both)
edges("softshrink_zero", lambda x: F.softshrink(x, 0.0), both)
edges("hardshrink", F.hardshrink, both)
edges("hardshrink_zero", lambda x: F.hardshrink(x, 0.0), both)
edges("threshold", lambda x: F.threshold(x, 0.5, -2.0), both)
edges("sigmoid", torch.sigmoid, both)
edges("log_sigmoid", F.logsigmoid, both)
edges("silu", F.silu, both)
edges("softplus", F.softplus, both)
# At a joint whose second derivative jumps, that of the branch to which the joint belongs; PyTorch's is 0, though its
# first is that branch's.
at_zero = [("d00", lambda x: x == 0, 1.0)]
edges(
    "softplus_beta",
    lambda x: F.softplus(x, 0.5, 3.0),
    both,
    instead=[("d00", lambda x: x == 6, 0.5 * 0.95257412682 * (1 - 0.95257412682))],
)
edges("softplus_far", lambda x: F.softplus(x, 2.0, 1000.0), both)
edges("mish", F.mish, both, instead=[("d00", lambda x: (x > 1000) & x.isfinite(), 0.0)])  # ∞ · 0
edges("softsign", F.softsign, both)
edges("tanhshrink", F.tanhshrink, both)
edges("elu", F.elu, both, instead=at_zero)
edges("elu_alpha", lambda x: F.elu(x, 0.5), both, instead=[("d00", lambda x: x == 0, 0.5)])
edges("elu_zero", lambda x: F.elu(x, 0.0), both)
edges("celu", F.celu, both, instead=at_zero)
edges("celu_alpha", lambda x: F.celu(x, 0.5), both, instead=[("d00", lambda x: x == 0, 2.0)])
edges("selu", F.selu, both, instead=[("d00", lambda x: x == 0, 1.0507009873554805 * 1.6732632423543772)])
edges("gelu", F.gelu, both)
edges("gelu_tanh", lambda x: F.gelu(x, approximate="tanh"), both)
edges("abs", torch.abs, both)
edges("square", torch.square, both)
edges("exp", torch.exp, both)
edges("expm1", torch.expm1, both)
edges("log", torch.log, both)
edges("log1p", torch.log1p, both)
edges("sqrt", torch.sqrt, both)
edges("rsqrt", torch.rsqrt, both)
edges("tanh", torch.tanh, both)
edges("erf", torch.erf, both)
edges("sin", torch.sin, [x for x in both if abs(x) < 1e5 or x != x or abs(x) == inf])
edges("cos", torch.cos, [x for x in both if abs(x) < 1e5 or x != x or abs(x) == inf])
edges("tan", torch.tan, [x for x in both if abs(x) < 1e3 or x != x or abs(x) == inf])
edges("atan", torch.atan, both)
edges("clamp_numbers", lambda x: torch.clamp(x, -0.5, 3.0), both)
edges("clamp_one", lambda x: torch.clamp(x, 1.0, 1.0), both)
edges("clamp_crossed", lambda x: torch.clamp(x, 3.0, -0.5), both)
for e in (0.0, 1.0, 1.5, 2.0, 3.0, 4.0, -1.0, -2.0, -1.5):
    edges("pow_" + str(e).replace("-", "minus_").replace(".", "_"), lambda x: torch.pow(x, e), both)
edges("pow_0_5", torch.sqrt, both)  # of −0 and −∞ the derivatives of the root
edges("pow_minus_0_5", torch.rsqrt, both)
edges("number_pow_0", lambda x: torch.pow(0.0, x), both, instead=[("d00", lambda x: x >= 0, 0.0)])  # 0 · ∞
edges("number_pow_2", lambda x: torch.pow(2.0, x), both)

# Two arguments: all pairs of these.
few = torch.tensor([0.0, -0.0, 0.5, -0.5, 1.0, -1.0, 2.0, -2.0, 3.0, -3.0, 1e3, -1e3, inf, -inf, nan])
p, q = few.repeat_interleave(len(few)), few.repeat(len(few))
edges("maximum", torch.maximum, p, q)
edges("minimum", torch.minimum, p, q)
edges(
    "pow",
    torch.pow,
    p,
    q,
    instead=[
        (key, lambda x, y, key=key: (x == 0) & (y >= 0) & ((key == "d11") | y.isinf()), 0.0) for key in ("d01", "d11")
    ],
)  # 0 · ∞
edges("div", torch.div, p, q)
edges("mul", torch.mul, p, q)
some = torch.tensor(
    [0.0, 0.5, -0.5, 1.0, -1.0, 2.0, -2.0, 2.75, -2.75, 3.0, -3.0, 1e3, -1e3, 0.3, -0.3, 0.1, inf, -inf, nan]
)
edges("remainder", torch.remainder, some.repeat_interleave(len(some) - 1), some[1:].repeat(len(some)))
edges("xlogy", torch.xlogy, p, q)
three = [
    torch.tensor(x)
    for x in zip(
        *[
            (a, b, c)
            for a in (-1.0, 0.0, 0.5, 1.0, 2.0, inf, -inf, nan)
            for b in (-1.0, 0.0, 1.0, nan)
            for c in (-1.0, 0.0, 1.0, 2.0)
        ]
    )
]
edges("clamp", lambda x, low, high: torch.clamp(x, low, high), *three)

# Losses of an element and its target.
near = torch.tensor([0.0, -0.0, 1e-4, 0.25, 0.5, -0.5, 1.0, -1.0, 1.5, -1.5, 3.0, 1e4, -1e4, inf, -inf, nan])
targets = torch.tensor([0.0, 0.5, -1.0, inf, -inf, nan])
p, t = near.repeat_interleave(len(targets)), targets.repeat(len(near))
each = dict(reduction="none")
edges("mse_loss", lambda x, t: F.mse_loss(x, t, **each), p, t)
edges("l1_loss", lambda x, t: F.l1_loss(x, t, **each), p, t)
edges("huber_loss", lambda x, t: F.huber_loss(x, t, **each), p, t)
edges("huber_loss_delta", lambda x, t: F.huber_loss(x, t, delta=0.5, **each), p, t)
# Half the square of everything; PyTorch's value of an infinite difference is ∞ (∞ − ∞).
edges(
    "huber_loss_far",
    lambda x, t: F.huber_loss(x, t, delta=inf, **each),
    p,
    t,
    instead=[("y", lambda x, t: (x - t).isinf(), inf)],
)
edges("smooth_l1_loss", lambda x, t: F.smooth_l1_loss(x, t, **each), p, t)
edges("smooth_l1_loss_beta", lambda x, t: F.smooth_l1_loss(x, t, beta=0.5, **each), p, t)
edges("smooth_l1_loss_zero", lambda x, t: F.smooth_l1_loss(x, t, beta=0.0, **each), p, t)
edges("smooth_l1_loss_far", lambda x, t: F.smooth_l1_loss(x, t, beta=inf, **each), p, t)
probabilities = torch.tensor([0.0, 0.25, 0.5, 1.0, nan])
x = torch.tensor(both).repeat_interleave(len(probabilities))
t = probabilities.repeat(len(both))
infinite = [("y", lambda x, t: (x == -inf) & (t > 0), inf)]  # PyTorch's ∞ − ∞
edges(
    "binary_cross_entropy_with_logits",
    lambda x, t: F.binary_cross_entropy_with_logits(x, t, **each),
    x,
    t,
    instead=infinite,
)
edges(
    "binary_cross_entropy_with_logits_weight",
    lambda x, t: F.binary_cross_entropy_with_logits(x, t, pos_weight=torch.tensor(2.5, dtype=x.dtype), **each),
    x,
    t,
    instead=infinite,
)
# PyTorch takes no probability and no target that is NaN or outside 0 … 1.
probability = torch.tensor([0.0, 1e-30, 1e-10, 0.25, 0.5, 0.99999994, 1.0])
targets = torch.tensor([0.0, 0.25, 0.5, 1.0])
edges(
    "binary_cross_entropy",
    lambda x, t: F.binary_cross_entropy(x, t, **each),
    probability.repeat_interleave(len(targets)),
    targets.repeat(len(probability)),
)
logs = torch.tensor([0.0, -0.5, -20.0, -100.0, -inf, inf, nan])
targets = torch.tensor([0.0, -0.0, 1e-10, 0.25, 0.5, 1.0, -0.5, -1.0, inf, -inf, nan])
p, t = logs.repeat_interleave(len(targets)), targets.repeat(len(logs))
# Of a class whose probability and target are both 0 nothing counts.
edges(
    "kl_div",
    lambda x, t: F.kl_div(x, t, **each),
    p,
    t,
    instead=[(key, lambda x, t: (x == -inf) & (t == 0), 0.0) for key in ("y", "d01", "d10")],
)
logs_of = torch.tensor([0.0, -0.5, -3.0, -100.0, -inf, inf, nan])
edges(
    "kl_div_log",
    lambda x, t: F.kl_div(x, t, log_target=True, **each),
    logs.repeat_interleave(len(logs_of)),
    logs_of.repeat(len(logs)),
)

#!/usr/bin/env python3
"""Writes second_order.txt: values, gradients and Hessians times a vector of functions of rows, by PyTorch in float64.

For a function "name" there are the arguments name.0 …, of which the first is differentiated, its value name.y,
weights name.w, the gradient name.d0 of L = sum(y · w), a vector name.v and name.h, the derivative of the gradient
along v. Run with PyTorch installed: python3 make_second_order.py > second_order.txt
"""

import torch
import torch.nn.functional as F

torch.manual_seed(29)
torch.set_default_dtype(torch.float64)
r = torch.randn
inf, nan = float("inf"), float("nan")


def show(name, t):
    print(name, "[" + ",".join(map(str, t.shape)) + "]", *(format(float(x), ".12g") for x in t.detach().flatten()))


def rounded(t):
    return torch.round(t * 256) / 256 if t.is_floating_point() else t


def second(name, f, *arguments, shown=None):
    """`shown`: the first argument as it stands in the file, where PyTorch's own rule lets elements through that it
    has chosen away."""
    name = "second." + name
    arguments = [rounded(a) for a in arguments]
    x = arguments[0].clone().requires_grad_()
    y = f(x, *arguments[1:])
    w, v = rounded(r(y.shape)), rounded(r(x.shape))
    d = torch.autograd.grad((y * w).sum(), x, create_graph=True)[0]
    h = torch.autograd.grad((d * v).sum(), x)[0] if d.requires_grad else torch.zeros_like(x)
    show(f"{name}.0", arguments[0] if shown is None else shown)
    for i, a in enumerate(arguments[1:], 1):
        show(f"{name}.{i}", a)
    for key, t in dict(y=y, w=w, d0=d, v=v, h=h).items():
        show(f"{name}.{key}", t)


logits, labels = 3 * r(6, 5), torch.tensor([0, 4, 2, 2, 1, 3])
some = torch.tensor([0, -100, 2, 2, -100, 3])
weight = torch.tensor([0.5, 2.0, 1.0, 0.25, 0.0])
for reduction in ("mean", "sum", "none"):
    kind = dict(reduction=reduction)
    second("cross_entropy_" + reduction, lambda x, y: F.cross_entropy(x, y, **kind), logits, labels)
    second("cross_entropy_some_" + reduction, lambda x, y: F.cross_entropy(x, y, **kind), logits, some)
    second(
        "cross_entropy_smooth_" + reduction,
        lambda x, y: F.cross_entropy(x, y, label_smoothing=0.125, **kind),
        logits,
        some,
    )
    second(
        "cross_entropy_ignore_" + reduction,
        lambda x, y: F.cross_entropy(x, y, label_smoothing=0.125, ignore_index=2, **kind),
        logits,
        labels,
    )
    second(
        "cross_entropy_weight_" + reduction,
        lambda x, y, w: F.cross_entropy(x, y, weight=w, **kind),
        logits,
        some,
        weight,
    )
    second(
        "cross_entropy_weight_smooth_" + reduction,
        lambda x, y, w: F.cross_entropy(x, y, weight=w, label_smoothing=0.125, ignore_index=2, **kind),
        logits,
        labels,
        weight,
    )
    second("nll_some_" + reduction, lambda x, y: F.nll_loss(x, y, **kind), logits, some)
    second("nll_ignore_" + reduction, lambda x, y: F.nll_loss(x, y, ignore_index=2, **kind), logits, labels)
second("cross_entropy_even", lambda x, y: F.cross_entropy(x, y, label_smoothing=1.0), logits, labels)
# Classes that cannot be are −∞, in rows that count and in others; NaN where nothing counts.
masked = rounded(logits.clone())
masked[0, 1] = masked[2, 0] = masked[2, 4] = masked[4, 3] = -inf
second("cross_entropy_masked", F.cross_entropy, masked, some)
second("nll_masked", F.nll_loss, masked, some)
odd = masked.clone()
odd[1, 2], odd[4, 0] = nan, inf
plain = masked.clone()
plain[1], plain[4] = 0, 0
second("cross_entropy_odd", F.cross_entropy, plain, some, shown=odd)
second(
    "cross_entropy_odd_smooth",
    lambda x, y: F.cross_entropy(x, y, label_smoothing=0.125),
    plain[[1, 3, 4, 5]],
    some[[1, 3, 4, 5]],
    shown=odd[[1, 3, 4, 5]],
)
second("nll_odd", F.nll_loss, plain, some, shown=odd)

x = r(4, 5)
x[1, 2] = 0
x[2, 0] = x[2, 3] = 0
x[3, :3] = 0
second("prod", lambda x: x.prod(1), x)
second("prod_columns", lambda x: x.prod(0), x)
second("prod_all", torch.prod, torch.tensor([[2.0, 0.0, 1.5], [-1.0, 3.0, 0.5]]))
tied = torch.round(2 * r(4, 5))
second("amax", lambda x: x.amax(1), tied)
second("amin", lambda x: x.amin(0), tied)
second("softmax", lambda x: torch.softmax(x, 1), x)
second("log_softmax", lambda x: torch.log_softmax(x, 1), x)
second("logsumexp", lambda x: torch.logsumexp(x, 1), x)
second("softmax_masked", lambda x: torch.softmax(x, 1), masked)
second("logsumexp_masked", lambda x: torch.logsumexp(x, 1), masked)
second("cumsum", lambda x: x.cumsum(1), x)
second("cumsum_square", lambda x: (x * x).cumsum(0), x)
second("var", lambda x: x.var(1), x)
second("std_dev", lambda x: x.std(1), x)
second("norm", lambda x: torch.linalg.vector_norm(x, dim=1), x)
second("glu", lambda x: F.glu(x, 1), r(3, 6))
second("layer_norm", lambda x: F.layer_norm(x, [5]), x)

# Rows of infinities and NaN.
edge = torch.tensor(
    [[-inf, -inf, -inf], [inf, 0, 1], [0, -inf, 1], [nan, 0, 1], [inf, -inf, 0], [inf, inf, 1], [1e4, -1e4, 1e4]]
)
for name, f in dict(
    softmax=lambda x: torch.softmax(x, 1),
    log_softmax=lambda x: torch.log_softmax(x, 1),
    softmin=lambda x: F.softmin(x, 1),
    logsumexp=lambda x: torch.logsumexp(x, 1),
    amax=lambda x: x.amax(1),
    amin=lambda x: x.amin(1),
    cumsum=lambda x: x.cumsum(1),
    mean=lambda x: x.mean(1),
    norm=lambda x: torch.linalg.vector_norm(x, dim=1),
).items():
    second("edge_" + name, f, edge)
second("var_of_one", lambda x: x.var(1), r(3, 1))
second("std_of_one", lambda x: x.std(1, correction=0), r(3, 1))

# Infinities next to finite elements of which e^x overflows in float.
far = torch.tensor([[inf, 100, 0], [inf, 1000, -inf], [-inf, -inf, -inf], [-inf, 100, -inf], [-inf, 100, 1e4]])
for name, f in dict(
    softmax=lambda x: torch.softmax(x, 1),
    log_softmax=lambda x: torch.log_softmax(x, 1),
    logsumexp=lambda x: torch.logsumexp(x, 1),
).items():
    second("far_" + name, f, far)
far_labels = torch.tensor([0, 1, 2, 0, 1])
second("far_cross_entropy", lambda x, y: F.cross_entropy(x, y, reduction="none"), far, far_labels)
second("far_logsumexp_all", lambda x: torch.logsumexp(x, (0, 1)), far[:2])

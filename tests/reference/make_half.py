#!/usr/bin/env python3
"""Writes half.txt: functions of 16-bit floats, computed by PyTorch in float64 and rounded once to the 16-bit type.

For the function "f" of a type, "float16" or "bfloat16", there are the arguments float16.f.0 …, the result
float16.f.y, weights float16.f.w and the gradients float16.f.d0 … of sum(y · w) with respect to the floating
arguments. Run with PyTorch installed: python3 make_half.py > half.txt
"""

import torch
import torch.nn.functional as F

inf = float("inf")
types = {"float16": torch.float16, "bfloat16": torch.bfloat16}


def show(name, t):
    print(name, "[" + ",".join(map(str, t.shape)) + "]", *(format(float(x), ".9g") for x in t.flatten()))


def half(name, f, *arguments, gradients=True):
    for prefix, dtype in types.items():
        rounded = [a.to(dtype).double() if a.is_floating_point() else a for a in arguments]
        leaves = [a.clone().requires_grad_(a.is_floating_point()) for a in rounded]
        y = f(*leaves)
        for i, a in enumerate(rounded):
            show(f"{prefix}.{name}.{i}", a)
        show(f"{prefix}.{name}.y", y.detach().to(dtype))
        if not gradients:
            continue
        torch.manual_seed(5)
        w = torch.randn(y.shape, dtype=torch.float64).to(dtype).double()
        show(f"{prefix}.{name}.w", w)
        (y * w).sum().backward()
        for i, a in enumerate(leaves):
            if a.requires_grad:
                show(f"{prefix}.{name}.d{i}", a.grad.to(dtype))


torch.manual_seed(17)
r = lambda *shape: torch.randn(*shape, dtype=torch.float64)
x = 3 * r(4, 6)
# What sums and squares of overflow in 16 bits, and what they lose.
large = torch.tensor(
    [
        [-600.0, -200.0, 200.0, 600.0, 300.0, 400.0],
        [3e4, -3e4, 5e4, 6e4, -1e4, 2e4],
        [1, 1e3, 2e3, 3e3, -4e3, 5e3],
        [0, 0, 0, 300, 0, 0],
    ],
    dtype=torch.float64,
)
small = torch.tensor(
    [
        [3e-5, 4e-5, 1e-5, -2e-5, 6e-5, 1e-4],
        [2e-7, 6e-7, -4e-7, 1e-6, 0, 3e-6],
        [1e-3, 1.5e-3, 1.25e-3, 1e-3, 2e-3, -1e-3],
        [6e-5, 6e-5, 6e-5, 6e-5, 6.1e-5, 6e-5],
    ],
    dtype=torch.float64,
)

elementwise = {
    "sigmoid": torch.sigmoid,
    "log_sigmoid": F.logsigmoid,
    "silu": F.silu,
    "softplus": F.softplus,
    "softplus_beta": lambda x: F.softplus(x, 0.3, 3),
    "mish": F.mish,
    "softsign": F.softsign,
    "tanhshrink": F.tanhshrink,
    "elu": F.elu,
    "elu_alpha": lambda x: F.elu(x, 0.3),
    "celu": lambda x: F.celu(x, 0.3),
    "selu": F.selu,
    "gelu": F.gelu,
    "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"),
    "hardsigmoid": F.hardsigmoid,
    "hardswish": F.hardswish,
    "leaky_relu": F.leaky_relu,
    "softshrink": F.softshrink,
    "hardshrink": F.hardshrink,
    "relu6": F.relu6,
    "square": torch.square,
    "exp": torch.exp,
    "tanh": torch.tanh,
}
for name, f in elementwise.items():
    half(name, f, x)
    half(name + "_small", f, small)
rows = {
    "sum": lambda x: x.sum(1),
    "mean": lambda x: x.mean(1),
    "var": lambda x: x.var(1),
    "var_population": lambda x: x.var(1, correction=0),
    "std_dev": lambda x: x.std(1),
    "norm": lambda x: torch.linalg.vector_norm(x, dim=1),
    "softmax": lambda x: torch.softmax(x, 1),
    "log_softmax": lambda x: torch.log_softmax(x, 1),
    "softmin": lambda x: F.softmin(x, 1),
    "logsumexp": lambda x: torch.logsumexp(x, 1),
    "cumsum": lambda x: x.cumsum(1),
    "glu": lambda x: F.glu(x, 1),
    "mean_all": torch.mean,
    "std_dev_all": torch.std,
    "norm_all": lambda x: torch.linalg.vector_norm(x),
}
for name, f in rows.items():
    half(name, f, x)
    half(name + "_large", f, large)
    half(name + "_small", f, small)
half("prod", lambda x: x.prod(1), x)
half("prelu", F.prelu, x, torch.tensor([0.25, 0.3, -0.1, 0.01, 0.5, 0.7], dtype=torch.float64))
images = 300 * r(2, 2, 4, 6)
half("avg_pool", lambda x: F.avg_pool2d(x, 2), images)
half("avg_pool_borders", lambda x: F.avg_pool2d(x, 3, stride=2, padding=1, count_include_pad=False), images)
half("adaptive_avg_pool", lambda x: F.adaptive_avg_pool2d(x, 1), images.abs() * 40)
half("max_pool", lambda x: F.max_pool2d(x, 2), images)
half("attention", lambda q, k, v: F.scaled_dot_product_attention(q, k, v), 2 * r(2, 3, 4), 2 * r(2, 5, 4), r(2, 5, 4))
half("matmul", torch.matmul, 20 * r(3, 40), 20 * r(40, 2))
half("conv", F.conv2d, r(1, 2, 5, 5), r(3, 2, 3, 3))

labels = torch.tensor([0, 5, 2, -100])
for reduction in ("mean", "sum", "none"):
    kind = dict(reduction=reduction)
    half("cross_entropy_" + reduction, lambda x, y: F.cross_entropy(x, y, **kind), x, labels)
    half("mse_" + reduction, lambda x, t: F.mse_loss(x, t, **kind), x, r(4, 6))
half("cross_entropy_large", F.cross_entropy, large, labels)
half("cross_entropy_smooth", lambda x, y: F.cross_entropy(x, y, label_smoothing=0.1), x, labels)
half("nll", F.nll_loss, torch.log_softmax(x, 1), labels)
half("mse_large", F.mse_loss, large / 16, -large / 16)
half("l1_large", F.l1_loss, large / 2, -large / 2)
half("huber", lambda x, t: F.huber_loss(x, t, delta=0.3), x, r(4, 6))
half("smooth_l1", lambda x, t: F.smooth_l1_loss(x, t, beta=0.3), x, r(4, 6))
half("bce_logits", F.binary_cross_entropy_with_logits, x, torch.rand(4, 6, dtype=torch.float64))
half(
    "bce",
    F.binary_cross_entropy,
    0.05 + 0.9 * torch.rand(4, 6, dtype=torch.float64),
    torch.rand(4, 6, dtype=torch.float64),
)
half("kl_div", F.kl_div, torch.log_softmax(x, 1), torch.softmax(r(4, 6), 1))

# Layers, whose parameters and results are of 32 bits: of one row of their own each.
for name, f in {
    "layer_norm": lambda x: F.layer_norm(x, [6]),
    "rms_norm": lambda x: F.rms_norm(x, [6], eps=1.1920929e-7),
    "group_norm": lambda x: F.group_norm(x, 2),
    "batch_norm": lambda x: F.batch_norm(x, None, None, training=True),
}.items():
    for scale, rows_of in {"": x, "_large": large[[0, 2, 3]], "_small": small}.items():
        for prefix, dtype in types.items():
            rounded = rows_of.to(dtype).double()
            show(f"{prefix}.{name}{scale}.0", rounded)
            show(f"{prefix}.{name}{scale}.y", f(rounded).float())

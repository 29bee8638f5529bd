#!/usr/bin/env python3
"""Writes values.txt: inputs, results and gradients of PyTorch (float64), which the tests compare with.

Each line is a name, a shape in brackets and the elements: "tanh.y [3,4] 0.1 0.2 …". For a case "name" there are the arguments
name.0, name.1, …, the result name.y, the weights name.w, and name.d0, name.d1, …: the gradients of sum(y · w).
Run with PyTorch installed: python3 make.py > values.txt
"""
import torch
import torch.nn.functional as F

torch.manual_seed(7)
torch.set_default_dtype(torch.float64)


def show(name, t):
    t = torch.as_tensor(t)
    print(name, "[" + ",".join(map(str, t.shape)) + "]", *(format(float(x), ".9g") if t.is_floating_point() else int(x) for x in t.flatten()))


def rounded(t):
    """Values that float32 holds exactly, so that both precisions start from the same numbers."""
    return t.float().double()


def case(name, f, *arguments):
    arguments = [rounded(a) if a.is_floating_point() else a for a in arguments]
    leaves = [a.clone().requires_grad_(a.is_floating_point()) for a in arguments]
    y = f(*leaves)
    for i, a in enumerate(arguments):
        show(f"{name}.{i}", a)
    show(f"{name}.y", y.detach())
    if y.is_floating_point() and y.requires_grad:
        w = rounded(torch.randn(y.shape))
        show(f"{name}.w", w)
        (y * w).sum().backward()
        for i, a in enumerate(leaves):
            if a.requires_grad:
                show(f"{name}.d{i}", a.grad)


r = torch.randn
a, b = r(3, 5), r(3, 5)
case("add_row", lambda x, y: x + y, a, r(5))
case("sub_column", lambda x, y: x - y, r(3, 1), b)
case("mul_outer", lambda x, y: x * y, r(4, 1), r(3))
case("div", lambda x, y: x / y, a, b.abs() + 0.5)
case("neg", lambda x: -x, a)
tied = a.clone()
tied[0] = b[0]
case("maximum", torch.maximum, tied, b)
case("exp", torch.exp, 3 * a)
case("log", torch.log, a.abs() + 0.01)
case("tanh", torch.tanh, 3 * a)
case("sqrt", torch.sqrt, a.abs() + 0.1)
case("relu", torch.relu, torch.cat([a, torch.zeros(1, 5)]))
case("sigmoid", torch.sigmoid, 4 * a)
case("softmax_last", lambda x: torch.softmax(x, -1), 3 * a)
case("softmax_first", lambda x: torch.softmax(x, 0), 3 * a)
case("log_softmax", lambda x: torch.log_softmax(x, -1), 10 * a)
case("where", lambda x, y: torch.where(x > y, x * y, y), a, b)
case("sum_all", torch.sum, a)
case("sum_middle", lambda x: x.sum(1), r(2, 3, 4))
case("sum_keep", lambda x: x.sum((0, 2), keepdim=True), r(2, 3, 4))
case("mean_last", lambda x: x.mean(-1), r(2, 3, 4))
equal = r(2, 6)
equal[0, 1] = equal[0, 4] = 5.0
case("amax", lambda x: torch.amax(x, 1), equal)
case("matmul", torch.matmul, r(4, 7), r(7, 5))
case("matmul_vector", torch.matmul, r(4, 7), r(7))
case("matmul_row", torch.matmul, r(7), r(7, 5))
case("matmul_dot", torch.matmul, r(7), r(7))
case("matmul_batch", torch.matmul, r(2, 3, 4, 5), r(3, 5, 6))
case("transpose", lambda x: x.mT, r(2, 3, 4))
case("permute", lambda x: x.permute(2, 0, 1), r(2, 3, 4))
case("reshape", lambda x: x.reshape(4, 6), r(2, 3, 4))
case("broadcast_to", lambda x: x.broadcast_to(4, 3, 5), r(3, 1))
case("concatenate", lambda x, y, z: torch.cat([x, y, z], 1), r(2, 3), r(2, 1), r(2, 4))
case("slice_step", lambda x: x[:, 1:8:3], r(3, 9))
case("slice_end", lambda x: x[-2:], r(5, 2))
case("linear", lambda x, w, c: F.linear(x, w, c), r(4, 6), r(3, 6), r(3))
case("cross_entropy", F.cross_entropy, 3 * r(6, 5), torch.tensor([0, 4, 2, 2, 1, 3]))
case("mse", F.mse_loss, r(4, 3), r(4, 3))

# Adam on a small net: the parameters after five steps, and the losses before each.
x, target = rounded(r(6, 4)), torch.tensor([0, 2, 1, 1, 0, 2])
net = torch.nn.Sequential(torch.nn.Linear(4, 5), torch.nn.ReLU(), torch.nn.Linear(5, 3))
for p in net.parameters():
    p.data = rounded(p.data)
show("adam.x", x)
show("adam.target", target)
for k, p in net.state_dict().items():
    show(f"adam.before.{k}", p)
optimizer = torch.optim.Adam(net.parameters(), lr=0.01, betas=(0.8, 0.95), eps=1e-7, weight_decay=0.02)
losses = []
for _ in range(5):
    optimizer.zero_grad()
    loss = F.cross_entropy(net(x), target)
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
show("adam.losses", torch.tensor(losses))
for k, p in net.state_dict().items():
    show(f"adam.after.{k}", p)

# A checkpoint as PyTorch users have it.
import pathlib
import safetensors.torch

checkpoint = {"fc1.weight": r(3, 2), "fc1.bias": r(3), "blocks.0.weight": r(2, 3), "blocks.0.bias": r(2), "blocks.1.weight": r(2, 2), "blocks.1.bias": r(2)}
checkpoint = {k: v.float() for k, v in checkpoint.items()}
safetensors.torch.save_file(checkpoint, pathlib.Path(__file__).with_name("checkpoint.safetensors"), metadata={"format": "pt"})
for k, v in checkpoint.items():
    show(f"checkpoint.{k}", v)

# More of the ops room. A seed of its own: what is above does not depend on what is below.
torch.manual_seed(8)
nan, inf = float("nan"), float("inf")


def values(name, f, *arguments):
    """Results only: for functions without gradients, and for arguments where gradients are not the point."""
    arguments = [torch.as_tensor(a) for a in arguments]
    arguments = [rounded(a) if a.is_floating_point() else a for a in arguments]
    for i, a in enumerate(arguments):
        show(f"{name}.{i}", a)
    show(f"{name}.y", f(*arguments))


u, v = r(4, 5), r(4, 5)
v[0] = u[0] = rounded(u[0])  # ties
v[1, :3] = u[1, :3] = torch.tensor([0.0, 0.0, 1.0])
for name, f, x in [
    ("expm1", torch.expm1, 2 * u),
    ("log1p", torch.log1p, u.abs() - 0.5 * (u.abs() > 0.6)),
    ("rsqrt", torch.rsqrt, u.abs() + 0.1),
    ("sin", torch.sin, 5 * u),
    ("cos", torch.cos, 5 * u),
    ("tan", torch.tan, 0.6 * u),
    ("atan", torch.atan, 2 * u),
    ("erf", torch.erf, u),
    ("abs", torch.abs, u),
    ("square", torch.square, u),
    ("clamp", lambda x: torch.clamp(x, -0.1, 0.9), u),
]:
    case(name, f, x)
for exponent in [2, 3, 4, 0.5, -1, -0.5, -2, 1.7, 0, 1]:
    case(f"pow_{exponent}", lambda x: x ** exponent, u.abs() + 0.2)
zeros = torch.tensor([0.0, 0.0, 0.0, 2.0, -2.0, 1.5, 0.5])
case("pow", torch.pow, zeros, torch.tensor([0.0, 2.0, 1.0, 0.0, 3.0, -1.3, 2.5]))
case("pow_of_number", lambda x: 1.5 ** x, u)
case("minimum", torch.minimum, u, v)
case("remainder", torch.remainder, 4 * r(4, 5), torch.where(v == 0, 0.7, v))
case("clamp_tensors", torch.clamp, torch.tensor([1.0, 2.0, 3.0, 2.0]), torch.tensor([1.0, 2.5, 4.0, 0.0]), torch.tensor([1.0, 3.0, 2.0, 3.0]))
special = torch.tensor([nan, inf, -inf, 0.0, -0.0, 0.5, -0.5, 1.5, 2.5, -2.5, 1e6, -3.7])
for name, f in [
    ("expm1", torch.expm1), ("log1p", torch.log1p), ("rsqrt", torch.rsqrt), ("sin", torch.sin), ("cos", torch.cos), ("tan", torch.tan),
    ("atan", torch.atan), ("erf", torch.erf), ("sigmoid", torch.sigmoid), ("abs", torch.abs), ("sign", torch.sign), ("floor", torch.floor),
    ("ceil", torch.ceil), ("round", torch.round), ("trunc", torch.trunc), ("isnan", torch.isnan), ("isfinite", torch.isfinite),
    ("not", torch.logical_not), ("clamp", lambda x: torch.clamp(x, -1.0, 2.0)),
]:
    values("special_" + name, f, special)
some = torch.tensor([nan, inf, -inf, 0.0, -0.0, 1.0, -1.0, 2.0, -3.0, 0.5, -0.5])
left, right = (t.flatten() for t in torch.meshgrid(some, some, indexing="ij"))
for name, f in [
    ("pow", torch.pow), ("remainder", torch.remainder), ("minimum", torch.minimum), ("maximum", torch.maximum), ("not_equal", torch.ne),
    ("and", torch.logical_and), ("or", torch.logical_or),
]:
    values("special_" + name, f, left, right)
whole = torch.tensor([7, -7, 7, -7, 0, 5])
values("int_remainder", torch.remainder, whole, torch.tensor([3, 3, -3, -3, 2, 5]))
values("int_pow", torch.pow, whole, torch.tensor([3, 3, 0, 1, 2, 5]))
values("int_abs", torch.abs, whole)
values("int_sign", torch.sign, whole)
values("int_clamp", lambda x: torch.clamp(x, -2, 5), whole)
values("int_sin", torch.sin, whole)

# Reductions
x = r(3, 5)
zero = r(4, 5)
zero[1, 2] = zero[2, 0] = zero[2, 4] = 0  # none, one, two zeros
zero[3] = 0
case("prod", lambda x: x.prod(1), zero)
case("prod_all", torch.prod, r(2, 3) + 1)
least = r(2, 6)
least[0, 1] = least[0, 4] = -5.0
case("amin", lambda x: torch.amin(x, 1), least)
case("amin_keep", lambda x: torch.amin(x, (0, 2), keepdim=True), r(2, 3, 4))
case("var", lambda x: x.var(1), x)
case("var_all", torch.var, x)
case("var_population", lambda x: x.var(0, correction=0, keepdim=True), x)
case("std", lambda x: x.std(1), torch.cat([x, torch.ones(1, 5)]))
case("std_population", lambda x: x.std((0, 2), correction=0), r(2, 3, 4))
case("norm", lambda x: torch.linalg.vector_norm(x, dim=1), torch.cat([x, torch.zeros(1, 5)]))
case("norm_all", torch.linalg.vector_norm, x)
case("logsumexp", lambda x: torch.logsumexp(x, 1), 30 * x)
case("logsumexp_keep", lambda x: torch.logsumexp(x, (0, 2), keepdim=True), r(2, 3, 4))
rows = torch.tensor([[1.0, 3.0, 3.0, -2.0], [nan, 5.0, nan, 0.0], [-inf, -inf, -inf, -inf], [0.0, -0.0, inf, inf], [-1.0, -1.0, -5.0, -5.0]])
for name, f in [
    ("argmax", lambda x: x.argmax(1)), ("argmin", lambda x: x.argmin(1)), ("argmax_first", lambda x: x.argmax(0)), ("argmax_all", torch.argmax),
    ("amin", lambda x: x.amin(1)), ("amax", lambda x: x.amax(1)), ("any", lambda x: x.any(1)), ("all", lambda x: x.all(1)),
    ("all_first", lambda x: x.all(0, keepdim=True)), ("any_all", torch.any), ("prod", lambda x: x.prod(1)), ("logsumexp", lambda x: x.logsumexp(1)),
]:
    values("rows_" + name, f, rows)
numbers = torch.tensor([[3, -1, 3], [-2147483648, 2147483647, 0]])
for name, f in [
    ("sum", lambda x: x.sum(1)), ("prod", lambda x: x[:1].prod(1)), ("amin", lambda x: x.amin(1)), ("amax", lambda x: x.amax(1)), ("argmax", lambda x: x.argmax(1)),
    ("argmin", lambda x: x.argmin(1)), ("any", lambda x: x.any(0)), ("all", lambda x: x.all(1)),
]:
    values("int_" + name, f, numbers)

# Activations: at their joints too, and where exponentials overflow.
joints = torch.tensor([-3.0, 3.0, 0.0, -0.5, 0.5, 1.0, -1.0, 6.0, 25.0, -25.0, 100.0, -100.0])
x = torch.cat([joints, 3 * r(8)])
for name, f in [
    ("leaky_relu", F.leaky_relu), ("leaky_relu_02", lambda x: F.leaky_relu(x, 0.2)), ("elu", F.elu), ("elu_2", lambda x: F.elu(x, 2.0)), ("selu", F.selu),
    ("celu", F.celu), ("celu_2", lambda x: F.celu(x, 2.0)), ("gelu", F.gelu), ("gelu_tanh", lambda x: F.gelu(x, approximate="tanh")), ("silu", F.silu),
    ("mish", F.mish), ("softplus", F.softplus), ("softplus_2", lambda x: F.softplus(x, 2.0, 3.0)), ("softsign", F.softsign), ("log_sigmoid", F.logsigmoid),
    ("hardtanh", F.hardtanh), ("hardtanh_2", lambda x: F.hardtanh(x, -0.5, 3.0)), ("relu6", F.relu6), ("hardswish", F.hardswish), ("hardsigmoid", F.hardsigmoid),
    ("tanhshrink", F.tanhshrink), ("softshrink", F.softshrink), ("hardshrink", F.hardshrink), ("threshold", lambda x: F.threshold(x, 0.5, -2.0)),
]:
    case(name, f, x)
case("softmin", lambda x: F.softmin(x, 1), r(3, 4))
case("glu", F.glu, r(3, 6))
case("glu_first", lambda x: F.glu(x, 0), r(4, 3))
case("prelu_one", F.prelu, r(3, 4), torch.tensor([0.3]))
case("prelu", F.prelu, r(2, 3, 4), torch.tensor([0.3, -0.2, 1.5]))
signs, bases = torch.tensor([0.0, 0.5, -2.0, 3.0]), torch.tensor([0.5, 1.0, 7.0])
case("xlogy", torch.xlogy, signs.repeat_interleave(3), bases.repeat(4))

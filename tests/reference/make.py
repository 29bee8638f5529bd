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
    print(name, "[" + ",".join(map(str, t.shape)) + "]", *(format(float(x), ".9g") for x in t.flatten()))


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

#!/usr/bin/env python3
"""Writes optim.txt: what PyTorch's optimizers and schedules do (float64), which tests/optim/optim.cpp compares with.

Each line is a name, a shape in brackets and the elements, as in values.txt. The problem is a linear layer with a mean squared error;
for a case "name" there are name.losses, the loss before each step, and the parameters after the last, name.weight and name.bias.
"lr.name" are the learning rates of a schedule from the start on, "momentum.name" the momentum that goes with them.
Run with PyTorch installed: python3 make_optim.py > optim.txt
"""
import warnings

import torch
import torch.nn.functional as F
from torch.optim import lr_scheduler

warnings.filterwarnings("ignore")  # of schedulers without an optimizer's step
torch.manual_seed(11)
torch.set_default_dtype(torch.float64)
steps = 8


def show(name, t):
    t = torch.as_tensor(t)
    print(name, "[" + ",".join(map(str, t.shape)) + "]", *(format(float(x), ".9g") for x in t.flatten()))


def rounded(t):
    """Values that float32 holds exactly, so that both precisions start from the same numbers."""
    return t.float().double()


x, y = rounded(torch.randn(6, 4)), rounded(2 * torch.randn(6, 3))
weight, bias = rounded(torch.randn(3, 4)), rounded(torch.randn(3))
show("optim.x", x)
show("optim.y", y)
show("optim.weight", weight)
show("optim.bias", bias)


def case(name, optimizer, clip=lambda parameters: None, **options):
    w, b = weight.clone().requires_grad_(), bias.clone().requires_grad_()
    o = optimizer([w, b], **options)
    losses = []
    for _ in range(steps):
        o.zero_grad()
        loss = F.mse_loss(F.linear(x, w, b), y)
        losses.append(loss.item())
        loss.backward()
        clip([w, b])
        o.step()
    show(f"{name}.losses", losses)
    show(f"{name}.weight", w.detach())
    show(f"{name}.bias", b.detach())


o = torch.optim
case("sgd.defaults", o.SGD)
case("sgd.decay", o.SGD, lr=0.1, weight_decay=0.1)
case("sgd.momentum", o.SGD, lr=0.1, momentum=0.9, dampening=0.3, weight_decay=0.02)
case("sgd.dampening_alone", o.SGD, lr=0.1, dampening=0.3)
case("sgd.nesterov", o.SGD, lr=0.1, momentum=0.8, nesterov=True)
case("adam.defaults", o.Adam)
case("adamw.defaults", o.AdamW)
case("adamw", o.AdamW, lr=0.1, betas=(0.8, 0.95), eps=1e-3, weight_decay=0.2)
case("amsgrad", o.Adam, lr=0.3, betas=(0.8, 0.5), eps=1e-7, weight_decay=0.02, amsgrad=True)
case("adam.decay", o.Adam, lr=0.3, betas=(0.8, 0.5), eps=1e-7, weight_decay=0.02)
case("rmsprop.defaults", o.RMSprop)
case("rmsprop.momentum", o.RMSprop, lr=0.05, alpha=0.8, eps=1e-4, weight_decay=0.02, momentum=0.7)
case("rmsprop.centered", o.RMSprop, lr=0.02, alpha=0.8, eps=1e-2, momentum=0.5, centered=True)
case("adagrad.defaults", o.Adagrad)
case("adagrad", o.Adagrad, lr=0.3, lr_decay=0.1, weight_decay=0.02, initial_accumulator_value=0.5, eps=1e-4)
case("clip_norm", o.SGD, lambda p: torch.nn.utils.clip_grad_norm_(p, 0.7), lr=0.1, momentum=0.5)
case("clip_norm.far_off", o.SGD, lambda p: torch.nn.utils.clip_grad_norm_(p, 1000), lr=0.1, momentum=0.5)
case("clip_value", o.AdamW, lambda p: torch.nn.utils.clip_grad_value_(p, 0.25), lr=0.1)


def schedule(name, make, n=30, lr=0.4, momentum=False):
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=lr, momentum=0.5)
    s = make(optimizer)
    rates, momenta = [], []
    for _ in range(n):
        rates.append(optimizer.param_groups[0]["lr"])
        momenta.append(optimizer.param_groups[0]["momentum"])
        s.step()
    show(f"lr.{name}", rates)
    if momentum:
        show(f"momentum.{name}", momenta)


L = lr_scheduler
schedule("step", lambda o: L.StepLR(o, 7, gamma=0.3))
schedule("multi_step", lambda o: L.MultiStepLR(o, [4, 9, 20], gamma=0.5))
schedule("exponential", lambda o: L.ExponentialLR(o, 0.8))
schedule("cosine", lambda o: L.CosineAnnealingLR(o, 20, eta_min=0.01), n=20)
schedule("linear", L.LinearLR)
schedule("linear_down", lambda o: L.LinearLR(o, start_factor=1, end_factor=0.2, total_iters=12))
schedule("one_cycle", lambda o: L.OneCycleLR(o, 0.4, total_steps=30), momentum=True)
schedule("one_cycle_linear", lambda o: L.OneCycleLR(o, 0.4, total_steps=30, pct_start=0.45, anneal_strategy="linear", div_factor=10, final_div_factor=50), momentum=True)
schedule("one_cycle_three", lambda o: L.OneCycleLR(o, 0.4, total_steps=30, three_phase=True, base_momentum=0.7, max_momentum=0.9), momentum=True)
schedule("sequence", lambda o: L.SequentialLR(o, [L.LinearLR(o, start_factor=0.1, total_iters=5), L.CosineAnnealingLR(o, 15), L.ExponentialLR(o, 0.5)], milestones=[5, 20]))

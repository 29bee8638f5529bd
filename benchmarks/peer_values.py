#!/usr/bin/env python3
"""Writes the weights, inputs and results of PyTorch on the scoreboard's workloads: `peer_values.py values.safetensors`, then
`scoreboard --check values.safetensors` computes the same and prints how far it is off. Needs torch and safetensors."""
import sys
import torch, torch.nn as nn, torch.nn.functional as F
from safetensors.torch import save_file

torch.manual_seed(0)
values = {}
w = "mlp_train_b128"
m = nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, 10))
x, y = torch.randn(128, 784), torch.randint(0, 10, (128,))
values |= {f"{w}.{k}": v.clone() for k, v in m.state_dict().items()} | {f"{w}.x": x, f"{w}.y": y.int()}
o, losses = torch.optim.Adam(m.parameters(), 1e-3), []
for _ in range(5):
    o.zero_grad()
    loss = F.cross_entropy(m(x), y)
    loss.backward()
    o.step()
    losses.append(loss.detach())
values[f"{w}.out"] = torch.stack(losses)

a, b, c = (torch.rand(1 << 22) for _ in range(3))
values |= {"chain_4M.a": a, "chain_4M.b": b, "chain_4M.c": c, "chain_4M.out": torch.tanh(a * b + c) * a - torch.relu(b - c)}
x = torch.randn(4096, 1024)
values |= {"softmax_4096x1024.x": x, "softmax_4096x1024.out": torch.softmax(x, -1)}
for s in (16, 64, 256, 1024):
    p, q = torch.randn(s, s), torch.randn(s, s)
    values |= {f"gemm_{s}.a": p, f"gemm_{s}.b": q, f"gemm_{s}.out": p @ q}
save_file(values, sys.argv[1])

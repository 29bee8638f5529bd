#!/usr/bin/env python3
"""Writes archives/torch.pt with torch.save, which tests/io/archives.cpp reads. Run with PyTorch installed:
python3 make_torch_archive.py"""
import pathlib

import torch

net = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
with torch.no_grad():
    net[0].weight.copy_(torch.arange(6.0).reshape(2, 3))
    net[0].bias.copy_(torch.arange(2.0))
numbers = torch.arange(20.0)
torch.save(
    {
        "epoch": 3,
        "model": net.state_dict(),
        "optimizer": torch.optim.Adam(net.parameters()).state_dict(),
        "transposed": numbers[:6].reshape(2, 3).t(),
        "bfloat16": numbers[:3].bfloat16(),
        "float8": numbers[:3].to(torch.float8_e4m3fn),
        "uint16": numbers[:3].to(torch.uint16),
        "others": [1e-3, "text", torch.Size([1, 2]), torch.device("cpu"), torch.float32, None, {4, 5}],
    },
    pathlib.Path(__file__).parent / "archives/torch.pt",
)

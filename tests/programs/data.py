"""What the programs of this folder and their twins in C++ share: inputs by formula, weights in a file."""

import math
import pathlib

import torch
from safetensors.torch import load_file, save_file


def wave(*shape, start=0.0, factor=1.0):
    n = math.prod(shape)
    return torch.tensor([factor * math.sin(start + 1.3 * i) for i in range(n)], dtype=torch.float32).reshape(shape)


def labels(*shape, n, start=0):
    return torch.tensor([(start + 7 * i) % n for i in range(math.prod(shape))]).reshape(shape)


def load(net, name):
    """The weights that the twin starts from; made where there are none."""
    path = pathlib.Path(__file__).parent / f"{name}.safetensors"
    if not path.exists():
        torch.manual_seed(len(name))
        for p in net.parameters():
            torch.nn.init.normal_(p, std=0.3)
        save_file({k: v.contiguous() for k, v in net.state_dict().items()}, path)
    net.load_state_dict(load_file(path))
    return net

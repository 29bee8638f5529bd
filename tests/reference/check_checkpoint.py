#!/usr/bin/env python3
"""Checkpoints with buffers, between PyTorch and this library.

  python3 check_checkpoint.py write            writes cnn.safetensors, the state of a small trained CNN, and cnn.txt, its logits in eval mode
  python3 check_checkpoint.py read FILE        loads a file that this library saved, strictly, and prints its logits on the same input

The checked-in files were made so, with PyTorch 2 and safetensors: cnn.safetensors and cnn.txt by the first command;
saved_by_sinter.safetensors is what the test "a file with buffers opens in PyTorch" saves, byte by byte, and saved_by_sinter.txt what the
second command prints for it.
"""
import pathlib
import sys

import safetensors.torch
import torch

here = pathlib.Path(__file__).parent


class Cnn(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(1, 2, 3, padding=1)
        self.bn = torch.nn.BatchNorm2d(2)
        self.fc = torch.nn.Linear(8, 3)

    def forward(self, x):
        return self.fc(torch.max_pool2d(torch.relu(self.bn(self.conv(x))), 2).flatten(1))


def lines(name, t):
    return name + " [" + ",".join(map(str, t.shape)) + "] " + " ".join(format(float(x), ".9g") for x in t.flatten())


x = (torch.arange(32).reshape(2, 1, 4, 4) * 7 % 11 - 5) / 4
net = Cnn()
if sys.argv[1] == "write":
    torch.manual_seed(3)
    net = Cnn()
    optimizer = torch.optim.Adam(net.parameters(), lr=0.05)
    for _ in range(4):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(net(torch.randn(8, 1, 4, 4)), torch.randint(0, 3, (8,))).backward()
        optimizer.step()
    safetensors.torch.save_file(net.state_dict(), here / "cnn.safetensors", metadata={"format": "pt"})
    net.eval()
    (here / "cnn.txt").write_text(lines("cnn.x", x) + "\n" + lines("cnn.logits", net(x).detach()) + "\n" + lines("cnn.num_batches_tracked", net.bn.num_batches_tracked) + "\n")
else:
    net.load_state_dict(safetensors.torch.load_file(sys.argv[2]), strict=True)
    net.eval()
    print(lines("saved_by_sinter.logits", net(x).detach()))

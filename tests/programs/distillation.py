"""A small net that learns from a large one."""

import torch
import torch.nn.functional as F
from torch import nn

from data import load


# program
class Pair(nn.Module):
    def __init__(self):
        super().__init__()
        self.teacher = nn.Sequential(nn.Linear(6, 32), nn.ReLU(), nn.Linear(32, 4))
        self.student = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 4))


def distillation(x, label):
    net = load(Pair(), "distillation")
    adam = torch.optim.AdamW(net.student.parameters(), lr=1e-2)
    T = 2
    losses = []
    for _ in range(6):
        adam.zero_grad()
        y = net.student(x)
        with torch.no_grad():
            target = F.softmax(net.teacher(x) / T, 1)
        soft = F.kl_div(F.log_softmax(y / T, 1), target, reduction="batchmean")
        loss = 0.3 * F.cross_entropy(y, label) + 0.7 * T * T * soft
        loss.backward()
        adam.step()
        losses.append(loss.item())
    return losses
# end

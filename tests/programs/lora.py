"""Fine-tuning of low-rank additions to frozen weights."""

import torch
import torch.nn.functional as F
from torch import nn

from data import load


# program
class Lora(nn.Module):
    def __init__(self, i, o, rank):
        super().__init__()
        self.base = nn.Linear(i, o).requires_grad_(False)
        self.lora_a = nn.Parameter(torch.zeros(rank, i))
        self.lora_b = nn.Parameter(torch.zeros(o, rank))

    def forward(self, x):
        return self.base(x) + x @ self.lora_a.T @ self.lora_b.T


class Tuned(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc2 = Lora(6, 16, 2), Lora(16, 3, 2)

    def forward(self, x):
        return self.fc2(F.relu(self.fc1(x)))


def lora(x, y):
    net = load(Tuned(), "lora")
    adam = torch.optim.AdamW([p for p in net.parameters() if p.requires_grad], lr=1e-2)
    losses = []
    for _ in range(6):
        adam.zero_grad()
        loss = F.mse_loss(net(x), y)
        loss.backward()
        adam.step()
        losses.append(loss.item())
    return losses
# end

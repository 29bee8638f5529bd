"""A variational autoencoder."""

import torch
import torch.nn.functional as F
from torch import nn

from data import load


# program
class Vae(nn.Module):
    def __init__(self):
        super().__init__()
        self.encode = nn.Linear(16, 12)
        self.mu, self.log_var = nn.Linear(12, 3), nn.Linear(12, 3)
        self.hidden = nn.Linear(3, 12)
        self.decode = nn.Linear(12, 16)

    def forward(self, x, noise):
        h = F.relu(self.encode(x))
        m, v = self.mu(h), self.log_var(h)
        z = m + torch.exp(0.5 * v) * noise
        return self.decode(F.relu(self.hidden(z))), m, v


def vae(x, noise):
    net = load(Vae(), "vae")
    adam = torch.optim.Adam(net.parameters(), lr=1e-2)
    losses = []
    for _ in range(8):
        adam.zero_grad()
        y, m, v = net(x, noise)
        kl = -0.5 * (1 + v - m**2 - v.exp()).sum(1).mean()
        loss = F.binary_cross_entropy_with_logits(y, x) + kl
        loss.backward()
        adam.step()
        losses += [loss.item(), kl.item()]
    return losses
# end

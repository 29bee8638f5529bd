"""A generative adversarial net: two optimizers in alternation."""

import torch
import torch.nn.functional as F
from torch import nn

from data import load


# program
def layers(i, o):
    return nn.Sequential(nn.Linear(i, 16), nn.LeakyReLU(), nn.Linear(16, o))


class Gan(nn.Module):
    def __init__(self):
        super().__init__()
        self.generator = layers(4, 2)
        self.discriminator = layers(2, 1)


def real(y):
    return F.binary_cross_entropy_with_logits(y, torch.ones_like(y))


def fake(y):
    return F.binary_cross_entropy_with_logits(y, torch.zeros_like(y))


def gan(x, z):
    net = load(Gan(), "gan")
    d_adam = torch.optim.Adam(net.discriminator.parameters(), lr=1e-2)
    g_adam = torch.optim.Adam(net.generator.parameters(), lr=1e-2)
    losses = []
    for _ in range(6):
        d_adam.zero_grad()
        d_loss = real(net.discriminator(x)) + fake(net.discriminator(net.generator(z).detach()))
        d_loss.backward()
        d_adam.step()
        g_adam.zero_grad()
        g_loss = real(net.discriminator(net.generator(z)))
        g_loss.backward()
        g_adam.step()
        losses += [d_loss.item(), g_loss.item()]
    return losses
# end

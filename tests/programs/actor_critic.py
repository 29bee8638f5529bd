"""Advantage actor-critic on episodes of any length."""

import torch
import torch.nn.functional as F
from torch import nn

from data import load


# program
class ActorCritic(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(4, 16)
        self.actor = nn.Linear(16, 3)
        self.critic = nn.Linear(16, 1)

    def forward(self, state):
        h = torch.tanh(self.body(state))
        return F.log_softmax(self.actor(h), 1), self.critic(h).squeeze(1)


def actor_critic(state, action, gain, lengths):
    net = load(ActorCritic(), "actor_critic")
    rms = torch.optim.RMSprop(net.parameters(), lr=1e-2)
    losses = []
    for n in lengths:
        rms.zero_grad()
        logs, value = net(state[:n])
        chosen = F.nll_loss(logs, action[:n], reduction="none")
        advantage = (gain[:n] - value).detach()
        entropy = -(logs.exp() * logs).sum(1).mean()
        loss = (chosen * advantage).mean() + 0.5 * F.mse_loss(value, gain[:n]) - 0.01 * entropy
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 0.5)
        rms.step()
        losses.append(loss.item())
    return losses
# end

"""A detector with two heads: a class and a box for each cell."""

import torch
import torch.nn.functional as F
from torch import nn

from data import load


# program
class Detector(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(2, 6, 3, padding=1)
        self.conv2 = nn.Conv2d(6, 8, 3, stride=2, padding=1)
        self.classes = nn.Conv2d(8, 3, 1)
        self.boxes = nn.Conv2d(8, 4, 1)

    def forward(self, x):
        h = F.relu(self.conv2(F.relu(self.conv1(x))))
        return self.classes(h), self.boxes(h)


def detector(x, label, box):
    net = load(Detector(), "detector")
    sgd = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    losses = []
    for _ in range(6):
        sgd.zero_grad()
        scores, boxes = net(x)
        found = (label > 0).unsqueeze(1).float()
        of_boxes = (found * F.smooth_l1_loss(boxes, box, reduction="none")).sum() / found.sum()
        loss = F.cross_entropy(scores, label) + of_boxes
        loss.backward()
        sgd.step()
        losses += [loss.item(), of_boxes.item()]
    return losses
# end

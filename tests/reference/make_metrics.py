#!/usr/bin/env python3
"""Writes metrics.txt: what PyTorch and scikit-learn say of scores with ties, NaN and infinities, and of classes that
never occur or are never predicted.

Run with PyTorch and scikit-learn installed: python3 make_metrics.py > metrics.txt
"""

import sklearn.metrics as m
import torch

torch.manual_seed(41)
inf, nan = float("inf"), float("nan")


def show(name, t):
    t = torch.as_tensor(t)
    print("metrics." + name, "[" + ",".join(map(str, t.shape)) + "]", *(format(float(x), ".12g") for x in t.flatten()))


scores = torch.round(2 * torch.randn(24, 5)) / 2  # many ties
scores[1, 3], scores[2, 0], scores[3, 1:3], scores[4, 4] = nan, inf, nan, -inf
scores[5] = nan
scores[6] = -inf
scores[:, 3] -= 1
labels = torch.tensor([0, 1, 2, 4] * 6)  # class 3 never occurs
predicted = scores.argmax(1)
show("scores", scores)
show("labels", labels)
show("predicted", predicted)
# Of equal scores the first counts as larger: a stable order, where topk leaves it open.
order = torch.sort(-scores.nan_to_num(nan=torch.finfo().max, posinf=1e30, neginf=-1e30), dim=1, stable=True).indices
assert (order[:, 0] == predicted).all()
for k in (1, 2, 3, 5):
    show(f"top{k}", (order[:, :k] == labels[:, None]).any(1).sum())
show("confusion", m.confusion_matrix(labels, predicted, labels=range(5)))
show("accuracy", m.accuracy_score(labels, predicted))
for name, f in dict(precision=m.precision_score, recall=m.recall_score, f1=m.f1_score).items():
    show(name, f(labels, predicted, labels=range(5), average=None, zero_division=0))
    show("mean_" + name, f(labels, predicted, average="macro", zero_division=0))
# Neither occurs nor is predicted: no part of a mean.
seen = labels != 4
two, others = labels[seen].clamp(max=2), predicted[seen].clamp(max=2)
for name, f in dict(precision=m.precision_score, recall=m.recall_score, f1=m.f1_score).items():
    show("three_mean_" + name, f(two, others, average="macro", zero_division=0))
show("three_labels", two)
show("three_predicted", others)

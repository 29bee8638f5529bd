#!/usr/bin/env python3
"""Writes nn.txt: modules, losses and operations on windows and indices as PyTorch (float64) computes them.

Lines are those of make.py. For a module "name" there are name.x, its parameters and buffers name.p.<key> before, the
result name.y of a first call, weights name.w, the gradients name.dx and name.d.<key> of sum(y · w), and for modules
with state name.after.<key> after a second call on name.x2. For a function "name" there are name.0 …, name.y, name.w
and name.d0 … as in values.txt. Run with PyTorch installed: python3 make_nn.py > nn.txt"""
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(11)
torch.set_default_dtype(torch.float64)
r = torch.randn


def show(name, t):
    t = torch.as_tensor(t)
    print(name, "[" + ",".join(map(str, t.shape)) + "]", *(format(float(x), ".9g") for x in t.flatten()))


def rounded(t):
    """Few digits, exact in float32 and in the file."""
    return torch.round(t * 256) / 256 if t.is_floating_point() else t


def function(name, f, *arguments, fixed=()):
    """Arguments whose numbers are in `fixed` get no gradient."""
    arguments = [rounded(a) for a in arguments]
    leaves = [a.clone().requires_grad_(a.is_floating_point() and i not in fixed) for i, a in enumerate(arguments)]
    y = f(*leaves)
    for i, a in enumerate(arguments):
        show(f"{name}.{i}", a)
    show(f"{name}.y", y.detach())
    if y.requires_grad:
        w = rounded(r(y.shape))
        show(f"{name}.w", w)
        (y * w).sum().backward()
        for i, a in enumerate(leaves):
            if a.requires_grad:
                show(f"{name}.d{i}", torch.zeros_like(a) if a.grad is None else a.grad)


def module(name, m, x, training=True):
    for p in list(m.parameters()):
        p.data = rounded(r(p.shape))
    for key, b in m.named_buffers():
        if b.is_floating_point():
            b.copy_(rounded(r(b.shape).abs() + 0.25))
    m.train(training)
    x = rounded(x)
    show(f"{name}.x", x)
    for key, v in m.state_dict().items():
        show(f"{name}.p.{key}", v)
    leaf = x.clone().requires_grad_(x.is_floating_point())
    y = m(leaf)
    w = rounded(r(y.shape))
    show(f"{name}.y", y.detach())
    show(f"{name}.w", w)
    (y * w).sum().backward()
    if leaf.requires_grad:
        show(f"{name}.dx", leaf.grad)
    for key, p in m.named_parameters():
        show(f"{name}.d.{key}", p.grad)
    if training and list(m.buffers()):
        x2 = rounded(r(x.shape))
        show(f"{name}.x2", x2)
        m(x2)
        for key, b in m.named_buffers():
            show(f"{name}.after.{key}", b)


# Modules.
module("linear_layer", nn.Linear(4, 3), r(2, 5, 4))
module("conv1d", nn.Conv1d(2, 3, 3, stride=2, padding=1), r(2, 2, 8))
module("conv2d", nn.Conv2d(2, 3, 3), r(2, 2, 5, 6))
module("conv2d_pad", nn.Conv2d(1, 2, 3, padding=1, bias=False), r(2, 1, 4, 4))
module("conv2d_mixed", nn.Conv2d(2, 4, (3, 2), stride=(2, 3), padding=(2, 1), dilation=(2, 1)), r(2, 2, 7, 8))
module("conv2d_groups", nn.Conv2d(4, 6, 3, padding=1, groups=2), r(2, 4, 4, 5))
module("conv2d_depthwise", nn.Conv2d(3, 6, 3, stride=2, padding=1, groups=3), r(2, 3, 5, 5))
module("conv2d_pointwise", nn.Conv2d(3, 4, 1, stride=2, padding=2), r(1, 3, 3, 3))
module("conv3d", nn.Conv3d(2, 2, (2, 3, 2), stride=(1, 2, 1), padding=(1, 1, 0)), r(1, 2, 3, 4, 3))
tied = torch.randint(0, 4, (2, 2, 6, 7)).double()
module("max_pool", nn.MaxPool2d(2), tied)
module("max_pool_overlap", nn.MaxPool2d(3, stride=2, padding=1), tied)
module("max_pool_large", nn.MaxPool2d((4, 3), stride=1, padding=(2, 1)), tied)
module("max_pool_large_step", nn.MaxPool2d((2, 5), stride=(3, 1)), tied)
module("max_pool_dilated", nn.MaxPool2d(2, stride=1, dilation=(3, 2)), tied)
module("max_pool1d", nn.MaxPool1d(3, stride=1), tied[0])
module("avg_pool", nn.AvgPool2d(2), r(2, 2, 5, 6))
module("avg_pool_overlap", nn.AvgPool2d(3, stride=2, padding=1), r(2, 2, 5, 6))
module("avg_pool_valid", nn.AvgPool2d((2, 3), stride=1, padding=(1, 1), count_include_pad=False), r(1, 2, 4, 5))
module("avg_pool1d", nn.AvgPool1d(2), r(2, 2, 6))
module("adaptive", nn.AdaptiveAvgPool2d((2, 3)), r(2, 2, 4, 6))
module("adaptive_one", nn.AdaptiveAvgPool2d(1), r(2, 2, 4, 6))
module("batch_norm1d", nn.BatchNorm1d(3), r(6, 3))
module("batch_norm1d_long", nn.BatchNorm1d(3), r(2, 3, 4))
module("batch_norm2d", nn.BatchNorm2d(2), r(3, 2, 2, 3))
module("batch_norm3d", nn.BatchNorm3d(2), r(2, 2, 2, 2, 2))
module("batch_norm2d_eval", nn.BatchNorm2d(2), r(3, 2, 2, 3), training=False)
module("layer_norm", nn.LayerNorm(5), r(2, 3, 5))
module("layer_norm2", nn.LayerNorm((3, 5)), r(2, 3, 5))
module("group_norm", nn.GroupNorm(2, 4), r(2, 4, 2, 3))
module("group_norm_row", nn.GroupNorm(2, 6), r(2, 6))
module("rms_norm", nn.RMSNorm(5, eps=2**-23), r(2, 3, 5))
module("embedding", nn.Embedding(5, 3), torch.tensor([[0, 4, 4, 1], [2, 4, 0, 3]]))
module("prelu_layer", nn.PReLU(3), r(2, 3, 2))

# Losses: prediction first. "none" keeps one value each.
logits, labels = 3 * r(6, 5), torch.tensor([0, 4, 2, 2, 1, 3])
function("cross_entropy_mean", F.cross_entropy, logits, labels)
function("cross_entropy_sum", lambda x, y: F.cross_entropy(x, y, reduction="sum"), logits, labels)
function("cross_entropy_none", lambda x, y: F.cross_entropy(x, y, reduction="none"), logits, labels)
function("cross_entropy_smooth", lambda x, y: F.cross_entropy(x, y, label_smoothing=0.125), logits, labels)
function("cross_entropy_ignore", lambda x, y: F.cross_entropy(x, y, ignore_index=2), logits, labels)
function("cross_entropy_both", lambda x, y: F.cross_entropy(x, y, label_smoothing=0.25, ignore_index=2), logits, labels)
function("cross_entropy_both_sum", lambda x, y: F.cross_entropy(x, y, label_smoothing=0.25, ignore_index=2, reduction="sum"), logits, labels)
outside = torch.tensor([0, -100, 2, 2, -100, 3])
function("cross_entropy_outside", F.cross_entropy, logits, outside)
function("nll", lambda x, y: F.nll_loss(x, y), torch.log_softmax(logits, 1), labels)
p, t = 2 * r(4, 3), 2 * r(4, 3)
p[0, 0], p[1, 1] = t[0, 0] + 1, t[1, 1] - 0.5
for how in ("mean", "sum", "none"):
    function(f"mse_{how}", lambda x, y: F.mse_loss(x, y, reduction=how), p, t)
    function(f"l1_{how}", lambda x, y: F.l1_loss(x, y, reduction=how), p, t)
function("huber", F.huber_loss, p, t)
function("huber_delta", lambda x, y: F.huber_loss(x, y, delta=0.5), p, t)
function("smooth_l1", F.smooth_l1_loss, p, t)
function("smooth_l1_beta", lambda x, y: F.smooth_l1_loss(x, y, beta=0.5), p, t)
share = torch.rand(4, 3)
share[0, 0], share[1, 2] = 0, 1
far = 20 * r(4, 3)
function("bce_logits", F.binary_cross_entropy_with_logits, p, share)
function("bce_logits_far", F.binary_cross_entropy_with_logits, far, share)
function("bce_logits_weight", lambda x, y: F.binary_cross_entropy_with_logits(x, y, pos_weight=torch.tensor(2.5)), p, share)
function("bce", F.binary_cross_entropy, torch.rand(4, 3) * 0.9 + 0.05, share)
certain = torch.rand(4, 3) * 0.9 + 0.05
certain[0, 0], certain[1, 2], certain[2, 0] = 0, 1, 0
function("bce_certain", F.binary_cross_entropy, certain, share, fixed=(1,))
q = torch.rand(4, 3)
q[2, 1] = 0
function("kl_div", F.kl_div, torch.log_softmax(p, 1), q, fixed=(1,))
function("kl_div_none", lambda x, y: F.kl_div(x, y, reduction="none"), torch.log_softmax(p, 1), q, fixed=(1,))

# Windows, borders, indices.
function("unfold", lambda x: x.unfold(1, 3, 2), r(2, 8, 2))
function("unfold_side_by_side", lambda x: x.unfold(0, 2, 2), r(5, 2))
function("flip", lambda x: torch.flip(x, (0, 2)), r(2, 3, 4))
function("pad", lambda x: F.pad(x, (1, 2, 0, 1), value=0.5), r(2, 3, 2))
function("pad_cut", lambda x: F.pad(x, (-1, 2)), r(2, 4))
function("stack", lambda x, y: torch.stack([x, y], 1), r(2, 3), r(2, 3))
function("stack_last", lambda x, y: torch.stack([x, y], -1), r(2, 3), r(2, 3))
function("gather", lambda x, i: torch.gather(x, 1, i), r(3, 5), torch.tensor([[4, 4], [0, 2], [1, 1]]))
function("take_along_dim", lambda x, i: torch.take_along_dim(x, i, 0), r(4, 3), torch.tensor([[3], [1]]))
function("scatter_add", lambda x, i, u: x.scatter_add(1, i, u), r(3, 4), torch.tensor([[0, 3, 3], [1, 1, 1], [2, 0, 2]]), r(3, 3))
function("take", lambda x, i: x[i], r(5, 2), torch.tensor([[1, 1], [4, 0]]))
function("cumsum_first", lambda x: torch.cumsum(x, 0), r(4, 3))
function("cumsum_last", lambda x: torch.cumsum(x, -1), r(2, 3, 9))
function("conv1d_function", lambda x, w: F.conv1d(x, w, stride=3, padding=4, dilation=2), r(1, 2, 5), r(2, 2, 2))
function("max_pool3d", lambda x: F.max_pool3d(x, 2, stride=1), r(1, 2, 3, 3, 3))
function("avg_pool3d", lambda x: F.avg_pool3d(x, 2, stride=1), r(1, 2, 3, 3, 3))

# Recurrence: the first result of a module that has several; cells with their state fixed.
class First(nn.Module):
    """The first of a module's results, under the module's own names."""
    def __init__(self, m):
        super().__init__()
        self.m = m
    def forward(self, x):
        return self.m(x)[0]
    def state_dict(self, *a, **k):
        return self.m.state_dict(*a, **k)
    def named_parameters(self, *a, **k):
        return self.m.named_parameters(*a, **k)


def recurrent(name, m, x):
    module(name, First(m), x)


recurrent("rnn", nn.RNN(3, 4), r(5, 2, 3))
recurrent("rnn_relu", nn.RNN(2, 3, nonlinearity="relu", bias=False), r(4, 2, 2))
recurrent("gru", nn.GRU(3, 4, batch_first=True), r(2, 5, 3))
recurrent("gru_two", nn.GRU(1, 3, num_layers=2), r(4, 2, 1))
recurrent("gru_one_sample", nn.GRU(2, 5), r(6, 2))
recurrent("lstm", nn.LSTM(3, 4), r(5, 2, 3))
recurrent("lstm_two", nn.LSTM(2, 3, num_layers=2, batch_first=True), r(2, 4, 2))
recurrent("lstm_both", nn.LSTM(2, 3, num_layers=2, bidirectional=True), r(3, 2, 2))
recurrent("lstm_long", nn.LSTM(1, 3), r(24, 1, 1))


def cells():
    for name, cell in (("rnn_cell", nn.RNNCell(3, 4)), ("gru_cell", nn.GRUCell(1, 4)), ("lstm_cell", nn.LSTMCell(3, 5))):
        p = [v.detach() for v in cell.parameters()]
        def f(x, h, *rest):
            out = torch.func.functional_call(cell, dict(zip([k for k, _ in cell.named_parameters()], rest)), (x, h))
            return out
        def g(x, h, c, *rest):
            return torch.cat(torch.func.functional_call(cell, dict(zip([k for k, _ in cell.named_parameters()], rest)), (x, (h, c))), 0)
        i, n = cell.input_size, cell.hidden_size
        states = [r(2, n), r(2, n)] if name == "lstm_cell" else [r(2, n)]
        function(name, g if name == "lstm_cell" else f, r(2, i), *states, *p)


cells()


def ends(name, m, x, *states):
    """The last states of a sequence that begins with given ones."""
    p = [v.detach() for v in m.parameters()]
    keys = [k for k, _ in m.named_parameters()]
    def f(x, *rest):
        s, w = rest[:len(states)], rest[len(states):]
        out = torch.func.functional_call(m, dict(zip(keys, w)), (x, s if len(s) > 1 else s[0]))[1]
        return torch.cat(out, 0) if isinstance(out, tuple) else out
    function(name, f, x, *states, *p)


ends("lstm_ends", nn.LSTM(2, 3), r(3, 2, 2), r(1, 2, 3), r(1, 2, 3))
ends("gru_ends", nn.GRU(2, 3, bidirectional=True), r(3, 2, 2), r(2, 2, 3))
recurrent("lstm_wide", nn.LSTM(2, 19), .5 * r(5, 7, 2))
recurrent("gru_wide", nn.GRU(2, 18), .5 * r(5, 3, 2))

# After the others, whose draws stay as they are; the last extent is that of the channels.
module("group_norm_long", nn.GroupNorm(2, 4), r(2, 4, 4))
module("group_norm_volume", nn.GroupNorm(2, 4), r(2, 4, 4, 1, 3))
module("group_norm_six_axes", nn.GroupNorm(2, 4), r(2, 4, 1, 4, 1, 3))
module("prelu_volume", nn.PReLU(3), r(2, 3, 3, 1, 2))
module("pixel_shuffle", nn.PixelShuffle(2), r(2, 8, 2, 3))
module("pixel_unshuffle", nn.PixelUnshuffle(2), r(2, 2, 4, 6))

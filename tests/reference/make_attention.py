#!/usr/bin/env python3
"""Writes attention.txt: attention and the layers made of it as PyTorch (float64) computes them, in the lines of make_nn.py.

Run with PyTorch installed: python3 make_attention.py > attention.txt
"""
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(13)
torch.set_default_dtype(torch.float64)
r = torch.randn
attention = F.scaled_dot_product_attention


def show(name, t):
    t = torch.as_tensor(t)
    print(name, "[" + ",".join(map(str, t.shape)) + "]", *(format(float(x), ".9g") for x in t.flatten()))


def rounded(t):
    """Few digits, exact in float32 and in the file."""
    return torch.round(t * 256) / 256 if t.is_floating_point() else t


def function(name, f, *arguments):
    arguments = [rounded(a) for a in arguments]
    leaves = [a.clone().requires_grad_(a.is_floating_point()) for a in arguments]
    y = f(*leaves)
    w = rounded(r(y.shape))
    (y * w).sum().backward()
    for i, a in enumerate(arguments):
        show(f"{name}.{i}", a)
    show(f"{name}.y", y.detach())
    show(f"{name}.w", w)
    for i, a in enumerate(leaves):
        if a.requires_grad:
            show(f"{name}.d{i}", a.grad)


def module(name, m, x, call=lambda m, x: m(x)):
    for p in m.parameters():
        p.data = rounded(r(p.shape) / 2)
    m.train(False)
    x = rounded(x)
    show(f"{name}.x", x)
    for key, v in m.state_dict().items():
        show(f"{name}.p.{key}", v)
    leaf = x.clone().requires_grad_()
    y = call(m, leaf)
    w = rounded(r(y.shape))
    show(f"{name}.y", y.detach())
    show(f"{name}.w", w)
    (y * w).sum().backward()
    show(f"{name}.dx", leaf.grad)
    for key, p in m.named_parameters():
        show(f"{name}.d.{key}", p.grad)


q, k, v = r(2, 3, 5, 4), r(2, 3, 7, 4), r(2, 3, 7, 6)
function("attention", attention, q, k, v)
function("attention_scale", lambda q, k, v: attention(q, k, v, scale=0.75), q, k, v)
function("attention_causal", lambda q, k, v: attention(q, k, v, is_causal=True), q, k, v)
function("attention_causal_short", lambda q, k, v: attention(q, k, v, is_causal=True), r(1, 1, 9, 3), r(1, 1, 4, 3), r(1, 1, 4, 3))
function("attention_matrix", attention, r(6, 3), r(5, 3), r(5, 2))
function("attention_longer", attention, r(1, 2, 35, 8), r(1, 2, 41, 8), r(1, 2, 41, 8))
there = torch.rand(2, 1, 5, 7) < 0.6
there[..., 0] = True
function("attention_mask", lambda q, k, v, m: attention(q, k, v, attn_mask=m), q, k, v, there)
padding = torch.tensor([[True] * 7, [True] * 4 + [False] * 3]).reshape(2, 1, 1, 7)
function("attention_padding", lambda q, k, v, m: attention(q, k, v, attn_mask=m), q, k, v, padding)
function("attention_bias", lambda q, k, v, m: attention(q, k, v, attn_mask=m), q, k, v, r(3, 5, 7))
function("attention_groups", lambda q, k, v: attention(q, k, v, enable_gqa=True), r(2, 6, 5, 4), r(2, 2, 7, 4), r(2, 2, 7, 4))
function("attention_groups_mask", lambda q, k, v, m: attention(q, k, v, attn_mask=m, enable_gqa=True), r(2, 4, 5, 4), r(2, 2, 7, 4), r(2, 2, 7, 4), r(4, 5, 7))
function("attention_groups_causal", lambda q, k, v: attention(q, k, v, is_causal=True, enable_gqa=True), r(1, 4, 6, 4), r(1, 1, 6, 4), r(1, 1, 6, 4))

module("multihead", nn.MultiheadAttention(6, 2, batch_first=True), r(2, 5, 6), lambda m, x: m(x, x, x, need_weights=False)[0])
causal = torch.ones(5, 5).tril() == 0
module("multihead_causal", nn.MultiheadAttention(6, 3, batch_first=True), r(5, 6), lambda m, x: m(x, x, x, need_weights=False, attn_mask=causal)[0])
module("encoder_layer", nn.TransformerEncoderLayer(6, 2, 10, batch_first=True), r(2, 4, 6))
module("encoder_layer_first", nn.TransformerEncoderLayer(6, 3, 8, activation="gelu", norm_first=True, layer_norm_eps=1e-3, batch_first=True), r(2, 4, 6))

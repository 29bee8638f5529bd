#!/usr/bin/env python3
"""Writes the weights, inputs and results of PyTorch on the scoreboard's workloads: `peer_values.py values.safetensors [--only SUBSTRING]`, then
`scoreboard --check values.safetensors` computes the same and prints how far it is off. Needs torch, torchvision and safetensors."""
import argparse
import torch, torch.nn as nn, torch.nn.functional as F
from safetensors.torch import save_file

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("file")
parser.add_argument("--only", default="")
args = parser.parse_args()
values = {}


def row(name):
    """Whether a row is wanted; numbers depend on the row alone."""
    torch.manual_seed(0)
    return args.only in name


def put(name, model=None, **tensors):
    state = model.state_dict() if model else {}
    for k, v in (state | tensors).items():
        values[f"{name}.{k}"] = (v.int() if v.dtype == torch.int64 and not k.endswith("num_batches_tracked") else v).detach().clone()


def train(name, model, x, y):
    put(name, model, x=x, y=y)
    optimizer, losses = torch.optim.Adam(model.parameters(), 1e-3), []
    for _ in range(5):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
    put(name, out=torch.stack(losses))


def infer(name, model, x):
    with torch.inference_mode():
        put(name, model.eval(), x=x, out=model(x))


def resnet18(classes, small=False):
    from torchvision.models import resnet18 as make
    model = make(num_classes=classes)
    if small:
        model.conv1, model.maxpool = nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.Identity()
    return model


def mobilenet_v2():
    from torchvision.models import mobilenet_v2 as make
    return make()


class Encoder(nn.Module):
    def __init__(self, d=384, heads=12, hidden=1536):
        super().__init__()
        self.heads = heads
        self.qkv, self.out, self.norm1 = nn.Linear(d, 3 * d), nn.Linear(d, d), nn.LayerNorm(d)
        self.up, self.down, self.norm2 = nn.Linear(d, hidden), nn.Linear(hidden, d), nn.LayerNorm(d)

    def forward(self, x):
        b, t, d = x.shape
        q, k, v = self.qkv(x).view(b, t, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        h = self.norm1(x + self.out(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(b, t, d)))
        return self.norm2(h + self.down(F.gelu(self.up(h))))


class MiniLM(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding, self.positions, self.norm = nn.Embedding(30522, 384), nn.Parameter(torch.randn(512, 384) * .02), nn.LayerNorm(384)
        self.layers = nn.ModuleList(Encoder() for _ in range(6))

    def forward(self, ids):
        h = self.norm(self.embedding(ids) + self.positions[:ids.shape[1]])
        for layer in self.layers:
            h = layer(h)
        return h.mean(1)


if row("mlp_train_b128"):
    mlp = nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, 10))
    train("mlp_train_b128", mlp, torch.randn(128, 784), torch.randint(0, 10, (128,)))
if row("lenet_train_b64"):
    lenet = nn.Sequential(nn.Conv2d(1, 16, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 32, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
                          nn.Linear(1568, 128), nn.ReLU(), nn.Linear(128, 10))
    train("lenet_train_b64", lenet, torch.randn(64, 1, 28, 28), torch.randint(0, 10, (64,)))
if row("resnet18_cifar_train_b16"):
    train("resnet18_cifar_train_b16", resnet18(10, small=True), torch.randn(16, 3, 32, 32), torch.randint(0, 10, (16,)))
for name, make in ("resnet18_infer_b1", lambda: resnet18(1000)), ("mobilenet_v2_infer_b1", mobilenet_v2):
    if row(name):
        model = make()
        for module in model.modules():  # as after training: nothing is 0 or 1
            if isinstance(module, nn.BatchNorm2d):
                for tensor, low, high in (module.running_mean, -.2, .2), (module.running_var, .5, 1.5), (module.weight, .5, 1.), (module.bias, -.2, .2):
                    nn.init.uniform_(tensor, low, high)
        infer(name, model, torch.randn(1, 3, 224, 224))
if row("minilm_infer_t128"):
    infer("minilm_infer_t128", MiniLM(), torch.randint(0, 30000, (1, 128)))

for name, causal in ("attention_train_t1024", False), ("attention_train_t1024_causal", True):
    if row(name):
        q, k, v, w = (torch.randn(1, 12, 1024, 64) for _ in range(4))
        leaves = [t.clone().requires_grad_() for t in (q, k, v)]
        (F.scaled_dot_product_attention(*leaves, is_causal=causal) * w).sum().backward()
        put(name, q=q, k=k, v=v, w=w, out=torch.stack([t.grad for t in leaves]))

if row("chain_4M"):
    a, b, c = (torch.rand(1 << 22) for _ in range(3))
    put("chain_4M", a=a, b=b, c=c, out=torch.tanh(a * b + c) * a - torch.relu(b - c))
if row("softmax_4096x1024"):
    x = torch.randn(4096, 1024)
    put("softmax_4096x1024", x=x, out=torch.softmax(x, -1))
if row("layernorm_4096x1024"):
    x = torch.randn(4096, 1024)
    put("layernorm_4096x1024", x=x, out=F.layer_norm(x, (1024,)))
for n in (4, 8, 16, 32, 64, 127, 256, 512, 1000, 1024, 2048):
    if row(f"gemm_{n}"):
        p, q = torch.randn(n, n), torch.randn(n, n)
        put(f"gemm_{n}", a=p, b=q, out=p @ q)
if row("mlp_infer_b1"):
    infer("mlp_infer_b1", nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, 10)), torch.randn(1, 784))
if row("tiny_mlp_infer_b1"):
    x, net = torch.randn(100, 8), nn.Sequential(nn.Linear(8, 16), nn.Tanh(), nn.Linear(16, 16), nn.Tanh(), nn.Linear(16, 1))
    put("tiny_mlp_infer_b1", net, x=x, out=net(x).flatten())
for name, cell in (("lstm16_infer_step", nn.LSTMCell(1, 16)), ("gru24_infer_step", nn.GRUCell(1, 24))):
    if row(name):
        cell.reset_parameters()
        net, x, state, y = nn.ModuleDict({"cell": cell, "dense": nn.Linear(cell.hidden_size, 1)}), torch.randn(100, 1), None, []
        for t in range(100):
            state = cell(x[t:t + 1], state)
            y.append(net["dense"](state[0] if isinstance(state, tuple) else state).flatten())
        put(name, net, x=x, out=torch.cat(y))
save_file(values, args.file)

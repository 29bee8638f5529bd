#!/usr/bin/env python3
"""Times PyTorch's scaled_dot_product_attention with its gradients, as the scoreboard's rows attention_train_* do: one JSON line each."""
import argparse, json, time
import torch, torch.nn.functional as F

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--threads", type=int, default=1)
args = parser.parse_args()
torch.set_num_threads(args.threads)

for name, causal in ("attention_train_t1024", False), ("attention_train_t1024_causal", True):
    q, k, v = (torch.randn(1, 12, 1024, 64, requires_grad=True) for _ in range(3))
    w = torch.randn(1, 12, 1024, 64)

    def step():
        q.grad = k.grad = v.grad = None
        F.scaled_dot_product_attention(q, k, v, is_causal=causal).backward(w)

    best = 1e9
    for _ in range(12):
        start = time.perf_counter()
        step()
        best = min(best, time.perf_counter() - start)
    print(json.dumps({"workload": name, "peer": "torch", "threads": args.threads, "us": round(best * 1e6, 1)}), flush=True)

#!/usr/bin/env python3
"""Times PyTorch, torch.compile and ONNX Runtime on rows of the scoreboard that other peers' programs do not have: one JSON line each.
`peer_rows.py [--threads N] [--only SUBSTRING]`; needs torch, torchvision, onnx and onnxruntime."""
import argparse, json, os, tempfile, time
import torch, torch.nn.functional as F

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--threads", type=int, default=1)
parser.add_argument("--only", default="")
args = parser.parse_args()
torch.set_num_threads(args.threads)


def report(workload, peer, step, seconds=1.0, rounds=5):
    """The shortest mean time of a step over a few rounds."""
    for _ in range(3):
        step()
    start = time.perf_counter()
    step()
    steps = max(1, int(seconds / rounds / (time.perf_counter() - start)))
    best = 1e9
    for _ in range(rounds):
        start = time.perf_counter()
        for _ in range(steps):
            step()
        best = min(best, (time.perf_counter() - start) / steps)
    print(json.dumps({"workload": workload, "peer": peer, "threads": args.threads, "us": round(best * 1e6, 1)}), flush=True)


def attention(name, causal):
    q, k, v = (torch.randn(1, 12, 1024, 64, requires_grad=True) for _ in range(3))
    w = torch.randn(1, 12, 1024, 64)

    def step():
        q.grad = k.grad = v.grad = None
        F.scaled_dot_product_attention(q, k, v, is_causal=causal).backward(w)

    report(name, "torch", step)


def inference(name, model, x):
    import onnxruntime
    model.eval()
    with torch.inference_mode():
        report(name, "torch", lambda: model(x))
        compiled = torch.compile(model)
        report(name, "compile", lambda: compiled(x))
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "model.onnx")
        torch.onnx.export(model, (x,), path, dynamo=False)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = args.threads
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    inputs = {session.get_inputs()[0].name: x.numpy()}
    report(name, "ort", lambda: session.run(None, inputs))


def mobilenet_v2(name):
    from torchvision.models import mobilenet_v2 as make
    inference(name, make(), torch.randn(1, 3, 224, 224))


for name, run in (("attention_train_t1024", lambda n: attention(n, False)), ("attention_train_t1024_causal", lambda n: attention(n, True)), ("mobilenet_v2_infer_b1", mobilenet_v2)):
    if args.only in name:
        run(name)

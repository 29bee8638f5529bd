#!/usr/bin/env python3
"""Runs the programs of this folder with PyTorch and writes what they print: losses.txt, and the weights that they start from.

Run with PyTorch and safetensors installed: python3 make.py > losses.txt
"""

import warnings

from actor_critic import actor_critic
from data import labels, wave
from detector import detector
from distillation import distillation
from dp_sgd import dp_sgd
from gan import gan
from heat import heat
from language import language
from lora import lora
from vae import vae

warnings.filterwarnings("ignore")


def show(name, losses):
    print(name, *(format(x, ".9g") for x in losses))


half = wave(8, 16).mul(0.5).add(0.5)
show("vae", vae(half, wave(8, 3, start=1.0)))
show("gan", gan(wave(8, 2), wave(8, 4, start=2.0)))
show("heat", heat(wave(20), wave(20, start=0.5, factor=0.5)))
show("detector", detector(wave(4, 2, 8, 8), labels(4, 4, 4, n=3), wave(4, 4, 4, 4, start=1.0)))
show("distillation", distillation(wave(8, 6), labels(8, n=4)))
show("actor_critic", actor_critic(wave(16, 4), labels(16, n=3), wave(16, start=2.0, factor=2.0), [5, 16, 1, 9, 16, 3]))
show("dp_sgd", dp_sgd(wave(8, 5, factor=2.0), labels(8, n=3)))
show("lora", lora(wave(8, 6), wave(8, 3, start=1.0)))
show("language", language())

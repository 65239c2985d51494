"""Settings of every test."""

import torch

# The networks are tiny: two threads on two busy cores are many times slower than one.
torch.set_num_threads(1)

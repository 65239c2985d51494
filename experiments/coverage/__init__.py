"""What the library reaches in torchvision's classifiers, and how it compares with Torch-Pruning."""

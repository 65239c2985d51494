"""What the processes of a fine-tuning tell each other: gradients, compressed (relatives.md C2)."""

"""The data track: what stored images cost, and what networks still see in them."""

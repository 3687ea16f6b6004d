"""What figures are made of. Torch-free."""

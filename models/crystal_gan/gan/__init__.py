"""The generative adversarial network of Kim et al. (2020)."""

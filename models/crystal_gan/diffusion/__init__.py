"""The profile `diffusion`: a denoiser of atoms and cells."""

"""MatGAN: a generator of compositions, adversarially trained."""

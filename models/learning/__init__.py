"""What every trained model shares: the loop of epochs with resume, the choice of device, weights as bytes."""

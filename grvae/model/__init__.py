"""The experiment: images, the autoencoder, routing, losses and the training loop."""

"""What two cores are too slow for: the published recipe, the paper's autoencoder, and more runs."""

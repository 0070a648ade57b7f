"""What is measured of a trained model, and the summary over seeds."""

"""A trained model in use: commands, ONNX, the browser demo and its server."""

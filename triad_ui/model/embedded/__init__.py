"""The small Triad that ships with the project: EfficientNet-Lite0, EG-RoI tokens, SmolLM2-135M."""

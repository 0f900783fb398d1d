"""Training: the embedded model's own, and rounds from corrections."""

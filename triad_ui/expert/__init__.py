"""Pixels to evidence: anomaly maps, their pictures, and the regions chosen from them."""

"""Evaluations as a person runs them: data sets to name, runs in the background, what they left."""

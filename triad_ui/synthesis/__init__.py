"""Procedural products, their defects and processes, photographed: training and demo cases."""

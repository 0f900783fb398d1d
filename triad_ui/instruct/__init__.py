"""Instruction data: what is asked about a part, and what a right answer says."""

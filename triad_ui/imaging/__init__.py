"""From bytes to pixels: what is read, how it is rendered, where originals are kept.

It knows nothing of experts, of the model, of Gradio or of the database.
"""

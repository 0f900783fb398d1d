"""The page: what is shown and which use case a button calls. The only room that knows Gradio."""

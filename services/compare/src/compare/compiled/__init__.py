"""What is compiled for the image that ships, and source anywhere else: docs/patterns/compiled.md."""

"""Generative Latent Optimization with a class code and a content code for every image."""

__version__ = "0.1.0"

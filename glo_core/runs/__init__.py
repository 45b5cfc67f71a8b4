"""Trained models on disk, and who trains what is missing."""

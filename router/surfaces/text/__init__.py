"""Surfaces of text beside chat and embeddings: completions, moderations, ranking."""

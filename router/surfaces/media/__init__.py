"""Surfaces of images and sound."""

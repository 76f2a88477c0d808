"""Importing the package registers its parts; its entry point names it."""

from svt_example import conv_stack, dot_product, reversed_speech  # noqa: F401

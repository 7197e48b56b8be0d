"""The exercises of 02-mlp."""

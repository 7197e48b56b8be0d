"""The exercises of 01-foundations."""

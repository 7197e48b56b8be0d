"""The exercises of 03-cnn."""

"""Train the network of digit_segmenter.py without its skips; it writes digit-segmenter-without-skips.safetensors.

    python resources/checkpoints/digit_segmenter_without_skips.py

Scenes, steps and seed are the same, and the file lies beside this one. About 7 minutes on one core.

Notebook: 03-cnn/applications/04-semantic-segmentation.ipynb
"""

from pathlib import Path

from digit_segmenter import train

PATH = Path(__file__).with_name("digit-segmenter-without-skips.safetensors")

if __name__ == "__main__":
    train(PATH, skips=False)

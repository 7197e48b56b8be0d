"""The error of every loader."""


class DataError(Exception):
    """A data set cannot be had as asked; the message names the file or the setting and the remedy.

    Notebook: 01-foundations/00-start-here.ipynb
    """

"""Exercises of 01-foundations/math-prerequisites/01-python-basics.ipynb."""

import math

from utils.exercises.framework import Exercise

NOTEBOOK = "01-foundations/math-prerequisites/01-python-basics.ipynb"


number = Exercise(
    "01-foundations/python-basics-1",
    notebook=NOTEBOOK,
    items=["Reading and cleaning data without NumPy"],
    hints=[
        "Take the blanks away first: `string.strip()` also turns a string of blanks into the empty string.",
        "Three strings mean that nothing is there. `string in (...)` compares with all of them at once.",
        "float wants a point: `string.replace(',', '.')` makes one of the decimal comma.",
    ],
    explanation="""
        The order matters: only after strip() can the string be compared with the marks for a missing value.
        None is no number, so a forgotten gap raises an error later, where 0.0 would slip into an average.""",
)


@number.reference
def parse_number(string):
    string = string.strip()
    if string in ("", "NA", "?"):
        return None
    return float(string.replace(",", "."))


@number.case("a decimal point")
def _(rng):
    return f"{rng.normal():.3f}"


@number.case("a decimal comma")
def _(rng):
    return f"{rng.normal():.2f}".replace(".", ",")


@number.case("blanks around the number")
def _(rng):
    return f"  {rng.integers(1, 100)},5 "


@number.case("every mark for a missing value, with and without blanks, gives None", seeds=5)
def _(rng):
    return ["", "NA", "?", "  ", " NA "][int(rng.bit_generator.seed_seq.entropy)]


@number.wrong("A missing value is None, not 0: zero is a measurement.")
def _(string):
    string = string.strip()
    return 0.0 if string in ("", "NA", "?") else float(string.replace(",", "."))


@number.wrong("The decimal comma was dropped, which makes the number a hundred times larger.")
def _(string):
    string = string.strip()
    return None if string in ("", "NA", "?") else float(string.replace(",", ""))


@number.wrong("Compare with the marks for missing values after strip(): ' NA ' is one of them.")
def _(string):
    return None if string in ("", "NA", "?") else float(string.replace(",", "."))


@number.wrong("The result must be a float, but this is still text.")
def _(string):
    string = string.strip()
    return None if string in ("", "NA", "?") else string.replace(",", ".")


product = Exercise(
    "01-foundations/python-basics-2",
    notebook=NOTEBOOK,
    items=["Matrices as lists of lists"],
    hints=[
        "Each entry of the result is a sum over one row of A, with the entries of x beside it.",
        "`zip(row, x)` pairs them; `sum(a * b for a, b in zip(row, x))` is one entry.",
        "Unequal lengths: `zip(row, x, strict=True)` raises the ValueError for you.",
    ],
    explanation="""
        Entry i of the result is the dot product of row i of A with x. Without strict=True, zip stops at the
        shorter of the two and returns a plausible, wrong number.""",
)


@product.reference
def matvec(A, x):
    return [sum(a * b for a, b in zip(row, x, strict=True)) for row in A]


@product.driver
def _(answer, A, x):
    try:
        return answer(A, x)
    except ValueError:
        return "ValueError"


def _matrix(rng, n, m):
    return rng.integers(-5, 6, size=(n, m)).tolist()


@product.case("a rectangular matrix with more rows than columns")
def _(rng):
    return _matrix(rng, 4, 2), _matrix(rng, 1, 2)[0]


@product.case("a rectangular matrix with more columns than rows")
def _(rng):
    return _matrix(rng, 2, 5), _matrix(rng, 1, 5)[0]


@product.case("a single row")
def _(rng):
    return _matrix(rng, 1, 3), _matrix(rng, 1, 3)[0]


@product.case("lengths that do not fit raise a ValueError")
def _(rng):
    return _matrix(rng, 3, 3), _matrix(rng, 1, int(rng.integers(1, 3)))[0]


@product.wrong("The lengths are not checked: zip without strict=True stops at the shorter list.")
def _(A, x):
    return [sum(a * b for a, b in zip(row, x, strict=False)) for row in A]


@product.wrong("This multiplies the columns of A with x, which is the transposed product.")
def _(A, x):
    return [sum(a * b for a, b in zip(column, x, strict=True)) for column in zip(*A, strict=True)]


@product.wrong("The products of a row still have to be summed: one number a row.")
def _(A, x):
    return [[a * b for a, b in zip(row, x, strict=True)] for row in A]


scaling = Exercise(
    "01-foundations/python-basics-3",
    notebook=NOTEBOOK,
    items=["Splits, folds and mini-batches"],
    hints=[
        "Mean and standard deviation are learned from one list and applied to two.",
        "The test part must not influence them, so compute both numbers from `train` alone.",
        "`std = math.sqrt(sum((v - mean) ** 2 for v in train) / len(train))`, with N below, not N - 1.",
    ],
    explanation="""
        The scaled training part has mean 0 and variance 1. The scaled test part has not, and should not: how
        far it differs is something that the test is there to find out.""",
)


@scaling.reference
def scale_both(train, test):
    mean = sum(train) / len(train)
    std = math.sqrt(sum((v - mean) ** 2 for v in train) / len(train))
    return [(v - mean) / std for v in train], [(v - mean) / std for v in test]


def _column(rng, n, shift=0.0):
    return (10 + shift + 3 * rng.normal(size=n)).round(2).tolist()


@scaling.case("two columns of like numbers")
def _(rng):
    return _column(rng, 6), _column(rng, 3)


@scaling.case("a test part that lies elsewhere keeps its distance")
def _(rng):
    return _column(rng, 5), _column(rng, 4, shift=50.0)


@scaling.case("a test part of a single number")
def _(rng):
    return _column(rng, 5), _column(rng, 1)


def _standardized(values, seen, ddof=0):
    mean = sum(seen) / len(seen)
    std = math.sqrt(sum((v - mean) ** 2 for v in seen) / (len(seen) - ddof)) or 1.0
    return [(v - mean) / std for v in values]


@scaling.wrong("Mean and deviation were learned from both parts together: that is the leak.")
def _(train, test):
    return _standardized(train, train + test), _standardized(test, train + test)


@scaling.wrong("The test part was scaled by its own mean and deviation, which hides how it differs.")
def _(train, test):
    return _standardized(train, train), _standardized(test, test)


@scaling.wrong("Divide the sum of squares by N here; N - 1, as in statistics.stdev, is another estimate.")
def _(train, test):
    return _standardized(train, train, 1), _standardized(test, train, 1)


@scaling.wrong("This divides by the variance: take its square root.")
def _(train, test):
    mean = sum(train) / len(train)
    variance = sum((v - mean) ** 2 for v in train) / len(train)
    return [(v - mean) / variance for v in train], [(v - mean) / variance for v in test]


loader = Exercise(
    "01-foundations/python-basics-4",
    notebook=NOTEBOOK,
    items=["Functions, classes and iterators", "Splits, folds and mini-batches"],
    hints=[
        "`__init__` keeps the three arguments on self. `__iter__` can be a generator, with yield.",
        "`for start in range(0, len(self.data), self.batch_size)` visits the first index of each batch.",
        "10 samples in batches of 4: `10 // 4` is 2, and `-(-10 // 4)` is 3. Which one belongs to drop_last?",
        "Batch number b is `self.data[b * size : (b + 1) * size]`, for b in range(len(self)).",
    ],
    explanation="""
        Every for calls __iter__, and a generator function hands out a new generator at each call, so an epoch
        always starts at the front. Rounding up counts the incomplete batch, rounding down leaves it out; and
        since __iter__ asks __len__, the two cannot disagree.""",
)


@loader.reference
class MiniBatches:
    def __init__(self, data, batch_size, drop_last=False):
        self.data, self.batch_size, self.drop_last = data, batch_size, drop_last

    def __len__(self):
        n, size = len(self.data), self.batch_size
        return n // size if self.drop_last else -(-n // size)

    def __iter__(self):
        for b in range(len(self)):
            yield self.data[b * self.batch_size : (b + 1) * self.batch_size]


@loader.driver
def _(answer, data, batch_size, drop_last):
    made = answer(data, batch_size, drop_last=drop_last)
    return {"first epoch": list(made), "second epoch": list(made), "len(loader)": len(made)}


@loader.case("data that divide evenly")
def _(rng):
    size = int(rng.integers(2, 5))
    return list(range(3 * size)), size, False


@loader.case("an incomplete last batch")
def _(rng):
    size = int(rng.integers(3, 6))
    return list(range(2 * size + 1)), size, False


@loader.case("an incomplete last batch that is dropped")
def _(rng):
    size = int(rng.integers(3, 6))
    return list(range(2 * size + 2)), size, True


@loader.case("batches larger than the data", seeds=1)
def _(rng):
    return ["a", "b"], 5, False


@loader.wrong("The second epoch is empty: `__iter__` must make a new generator each time it is called.")
class OneEpoch(MiniBatches):
    def __init__(self, data, batch_size, drop_last=False):
        super().__init__(data, batch_size, drop_last)
        self.epoch = super().__iter__()

    def __iter__(self):
        return self.epoch


@loader.wrong("The incomplete last batch is lost even where drop_last is False: round up for it.")
class AlwaysDropping(MiniBatches):
    def __len__(self):
        return len(self.data) // self.batch_size


@loader.wrong("drop_last changes nothing here.")
class NeverDropping(MiniBatches):
    def __len__(self):
        return math.ceil(len(self.data) / self.batch_size)


@loader.wrong("`__len__` counts the samples; a loader's length is its number of batches.")
class CountsSamples(MiniBatches):
    def __len__(self):
        return len(self.data)

    def __iter__(self):
        for b in range(MiniBatches.__len__(self)):
            yield self.data[b * self.batch_size : (b + 1) * self.batch_size]

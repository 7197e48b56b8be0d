"""The exercise of 01-foundations/00-start-here.ipynb."""

from utils.exercises.framework import Exercise

weighted_sum = Exercise(
    "01-foundations/start-here-1",
    notebook="01-foundations/00-start-here.ipynb",
    items=["How to use this series"],
    hints=[
        "Begin with a total of 0 and walk through both lists together.",
        "`for x_j, w_j in zip(x, w):` gives the pairs; add each pair's product to the total.",
        "After the loop, outside of it, return the total.",
    ],
    explanation="""
        Each number counts as much as its weight says. An artificial neuron begins with exactly this sum, and
        mathematics calls it a dot product: you will meet it under both names.""",
)


@weighted_sum.reference
def weighted_sum_in_a_loop(x, w):
    total = 0
    for x_j, w_j in zip(x, w, strict=True):
        total += x_j * w_j
    return total


@weighted_sum.case("it adds the products of the pairs")
def _(rng):
    return tuple(rng.integers(-9, 10, size=3).tolist() for _ in range(2))


@weighted_sum.case("lists of any length will do")
def _(rng):
    length = int(rng.integers(4, 9))
    return tuple(rng.integers(-9, 10, size=length).tolist() for _ in range(2))


@weighted_sum.case("lists of one number give one product", seeds=2)
def _(rng):
    return [int(rng.integers(2, 10))], [int(rng.integers(2, 10))]


@weighted_sum.case("empty lists give 0", seeds=1)
def _(rng):
    return [], []


@weighted_sum.wrong("This is the list of products; what is asked is their sum.")
def _(x, w):
    return [x_j * w_j for x_j, w_j in zip(x, w, strict=True)]


@weighted_sum.wrong("The lists are summed before they are multiplied: multiply pair by pair, then add.")
def _(x, w):
    return sum(x) * sum(w)


@weighted_sum.wrong("This returns inside the loop, after the first pair: return once the loop has ended.")
def _(x, w):
    for x_j, w_j in zip(x, w, strict=True):
        return x_j * w_j
    return 0


@weighted_sum.wrong("This is the plain sum of the first list: the weights are not used.")
def _(x, w):
    return sum(x)

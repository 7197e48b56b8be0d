"""Searches over hyperparameters: grid search, random search and successive halving.

A search calls `train(config, budget, seed) -> score` for many configurations. The callable decides what a budget is:
epochs, steps, samples. Configurations are drawn from a space, a dictionary of names and ranges:

    space = {"lr": LogUniform(1e-4, 1.0), "width": Choice(32, 64, 128), "layers": Integer(1, 3)}
    results = random_search(train, space, total_budget=60, budget=3, n_jobs=2, rng=0)
    print(results)

With the same `total_budget` the three searches may spend the same and are fairly compared (`Results.best_so_far`).

Notebook: 02-mlp/optimizers/04-hyperparameter-tuning.ipynb
"""

from utils.tuning.results import Results, Trial
from utils.tuning.search import grid_search, halving_rungs, random_search, successive_halving
from utils.tuning.space import Choice, Integer, LogUniform, Uniform

__all__ = [
    "Choice",
    "Integer",
    "LogUniform",
    "Results",
    "Trial",
    "Uniform",
    "grid_search",
    "halving_rungs",
    "random_search",
    "successive_halving",
]

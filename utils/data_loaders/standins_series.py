"""Generated series with the dates and the make-up of the real ones: trend, season, noise."""

import numpy as np

Series = tuple[np.ndarray, np.ndarray]


def airline_passengers() -> Series:
    """144 months from 1949: exponential growth times a season that peaks in summer times noise."""
    t = np.arange(144)
    rng = np.random.default_rng(0)
    log = (
        4.75
        + 0.0101 * t
        + 0.18 * np.sin(2 * np.pi * (t - 3.5) / 12)
        + 0.06 * np.sin(4 * np.pi * (t - 1) / 12)
    )
    return np.datetime64("1949-01") + t, np.rint(np.exp(log + rng.normal(0, 0.03, len(t))))


def sunspots() -> Series:
    """2,820 months from 1749: cycles of about 11 years, each of its own height, never below 0."""
    rng, t = np.random.default_rng(0), np.arange(2820)
    starts = np.cumsum(np.concatenate([[0.0], rng.normal(132, 12, 30)]))
    cycle = np.searchsorted(starts, t, side="right") - 1
    phase = (t - starts[cycle]) / np.diff(starts)[cycle]
    level = rng.uniform(60, 190, 30)[cycle] * np.sin(np.pi * phase**0.8) ** 2
    values = level + rng.normal(0, 1, len(t)) * (2 + 1.6 * np.sqrt(level))
    return np.datetime64("1749-01") + t, np.round(np.maximum(values, 0), 1)


def daily_temperatures() -> Series:
    """3,650 days from 1981, no leap days, as in the original: a yearly season and noise with a memory."""
    days = np.arange("1981-01-01", "1991-01-01", dtype="datetime64[D]")
    days = days[[not str(day).endswith("02-29") for day in days]]
    noise, rng = np.zeros(len(days)), np.random.default_rng(0)
    for i, shock in enumerate(rng.normal(0, 2.3, len(days))):
        noise[i] = 0.55 * noise[i - 1] + shock
    season = 11.2 + 4.3 * np.cos(2 * np.pi * (np.arange(len(days)) % 365 - 20) / 365)
    return days, np.round(np.maximum(season + noise, 0), 1)

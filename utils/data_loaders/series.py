"""Loaders of time series."""

from collections.abc import Callable

from utils.data_loaders import about, standins_series
from utils.data_loaders.records import SeriesDataset
from utils.data_loaders.store import read


def _series(name: str, stand_in: Callable, unit: str, period: int) -> SeriesDataset:
    files = read(name)
    dates, values = stand_in() if files is None else next(iter(files.values()))
    fields = about.stood_in(name) if files is None else about.real(name)
    return SeriesDataset(**fields, dates=dates, values=values, unit=unit, period=period)


def load_airline_passengers() -> SeriesDataset:
    """International airline passengers, monthly, 1949 to 1960: 144 values with growth and a yearly season.

    Box, Jenkins 1970, series G. Else a generated series of the same make stands in.

    Notebook: 04-rnn/applications/02-time-series-forecasting.ipynb
    """
    return _series("airline_passengers", standins_series.airline_passengers, "thousand passengers", 12)


def load_sunspots() -> SeriesDataset:
    """Monthly mean sunspot number, 1749 to 1983: 2,820 values with cycles of about 11 years (period 132).

    Else a generated series of the same make stands in.

    Notebook: 04-rnn/applications/02-time-series-forecasting.ipynb
    """
    return _series("sunspots", standins_series.sunspots, "sunspot number", 132)


def load_daily_temperatures() -> SeriesDataset:
    """Daily minimum temperature in Melbourne, 1981 to 1990: 3,650 values (no leap days), yearly season.

    Else a generated series of the same make stands in.

    Notebook: 04-rnn/applications/02-time-series-forecasting.ipynb
    """
    return _series("daily_temperatures", standins_series.daily_temperatures, "°C", 365)

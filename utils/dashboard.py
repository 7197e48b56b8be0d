"""The start notebook's controls: the roadmap's checkboxes, and a button that fetches each data set."""

import os
from concurrent.futures import Future, ThreadPoolExecutor
from html import escape
from itertools import groupby
from pathlib import Path
from typing import Any

import ipywidgets as widgets
from IPython.display import display

from utils.installation import installation_report
from utils.roadmap import Item, Phase, Roadmap, RoadmapError
from utils.roadmap_cli import bar

__all__ = ["DataDashboard", "RoadmapDashboard", "data_dashboard", "installation_report", "roadmap_dashboard"]

_FAILURES = (OSError, RoadmapError)  # TimeoutError is an OSError
_WITH_A_PACKAGE = "with scikit-learn"
_IN_A_NEW_TAB = 'target="_blank" style="color: var(--jp-content-link-color, #0b57d0)"'


def roadmap_dashboard(path: str | os.PathLike | None = None) -> None:
    """Show how far each phase is, and its items as checkboxes that write the roadmap file.

    The table is an ordinary output, which reads well where no kernel runs. A phase's checkboxes are made when
    it is opened. A box whose tick cannot be written springs back, and a line says why; "Reload" reads the
    file again after an edit elsewhere. `path` as in `Roadmap.read`.

    Notebook: 01-foundations/00-start-here.ipynb
    """
    RoadmapDashboard(path).show()


def data_dashboard() -> None:
    """Show which data sets are on this machine, their size and licence, with a button that fetches each.

    A fetch runs beside the kernel's other work, one at a time; a line says how it went. With NN_OFFLINE=1 the
    buttons are disabled.

    Notebook: 01-foundations/00-start-here.ipynb
    """
    DataDashboard().show()


class _Dashboard:
    """A table as ordinary output, kept up to date, above `widget`; `message` is a line of text within it."""

    widget: widgets.Widget

    def __init__(self) -> None:
        self.message = widgets.Label()
        self._handle: Any = None

    def show(self) -> None:
        """Display the table and the widgets."""
        self._handle = display(self._table(), raw=True, display_id=True)
        display(self.widget)

    def _update_table(self) -> None:
        if self._handle:
            self._handle.update(self._table(), raw=True)

    def _table(self) -> dict[str, str]:
        raise NotImplementedError


class RoadmapDashboard(_Dashboard):
    """The widgets of `roadmap_dashboard`: `widget` holds them all, `boxes` those made so far.

    Notebook: 01-foundations/00-start-here.ipynb
    """

    def __init__(self, path: str | os.PathLike | None = None) -> None:
        super().__init__()
        self.roadmap = Roadmap.read(path)
        self.message.value = " ".join(self.roadmap.problems)
        self.boxes: dict[tuple[str, str], widgets.Checkbox] = {}
        self._layout = widgets.Layout(width="auto")
        self._refreshing = False
        reload = widgets.Button(description="Reload", icon="refresh", tooltip="Read the roadmap file again")
        reload.on_click(lambda button: self.reload())
        self.accordion = widgets.Accordion()
        self.accordion.observe(lambda change: self._open(change["new"]), names="selected_index")
        self.widget = widgets.VBox([widgets.HBox([reload, self.message]), self.accordion])
        self._build()

    def reload(self) -> None:
        """Read the file again and show what it holds now."""
        before = [item.key for item in self.roadmap.items]
        self.roadmap.reload()
        items = self.roadmap.items
        if [item.key for item in items] != before:
            self._build()
        self._refresh()
        read = f"Read again: {sum(item.ticked for item in items)} of {len(items)} ticked."
        self.message.value = " ".join(self.roadmap.problems) or read

    def _build(self) -> None:
        """Start afresh, all phases closed but the one that was open."""
        phases, was_open = self.roadmap.phases, self.accordion.selected_index
        self.boxes.clear()
        self._bars: dict[str, widgets.IntProgress] = {}
        self._views = [widgets.VBox() for _ in phases]
        self.accordion.selected_index = None
        self.accordion.children = self._views
        self.accordion.titles = tuple(map(_heading, phases))
        if was_open is not None and was_open < len(phases):
            self.accordion.selected_index = was_open

    def _open(self, index: int | None) -> None:
        """Make the widgets of a phase when it is first opened."""
        if index is None or self._views[index].children:
            return
        phase = self.roadmap.phases[index]
        self._views[index].children = self._boxes(phase) if phase.items else [widgets.HTML(_plans(phase))]

    def _boxes(self, phase: Phase) -> list[widgets.Widget]:
        look = {"style": {"bar_color": "#009E73"}, "layout": {"width": "98%"}}
        self._bars[phase.number] = widgets.IntProgress(phase.done, 0, len(phase.items), **look)
        groups = [
            self._group(path, items) for path, items in groupby(phase.items, lambda item: item.notebook)
        ]
        columns = {"grid_template_columns": "repeat(auto-fill, minmax(320px, 1fr))", "grid_gap": "8px"}
        return [self._bars[phase.number], widgets.GridBox(groups, layout=columns)]

    def _group(self, path: str, items: Any) -> widgets.VBox:
        heading = f"<b>{_anchor(path, self.roadmap.notebooks[path], _IN_A_NEW_TAB)}</b>"
        return widgets.VBox([widgets.HTML(heading), *map(self._checkbox, items)])

    def _checkbox(self, item: Item) -> widgets.Checkbox:
        box = widgets.Checkbox(item.ticked, description=item.title, indent=False, layout=self._layout)
        box.observe(lambda change: self._change(item, change["new"]), names="value")
        self.boxes[item.key] = box
        return box

    def _change(self, item: Item, ticked: bool) -> None:
        if self._refreshing:
            return
        try:
            (self.roadmap.tick if ticked else self.roadmap.untick)(item)
            self.message.value = f"{'Ticked' if ticked else 'Cleared'}: {item.title}"
        except _FAILURES as error:
            self.message.value = f"Not saved: {error}"
            self._set(self.boxes[item.key], not ticked)
        self._refresh()

    def _refresh(self) -> None:
        for item in self.roadmap.items:
            if item.key in self.boxes:
                self._set(self.boxes[item.key], item.ticked)
        for phase in self.roadmap.phases:
            if phase.number in self._bars:
                self._bars[phase.number].value = phase.done
        self.accordion.titles = tuple(map(_heading, self.roadmap.phases))
        self._update_table()

    def _set(self, box: widgets.Checkbox, value: bool) -> None:
        self._refreshing = True
        box.value = value
        self._refreshing = False

    def _table(self) -> dict[str, str]:
        rows = [(phase.title, *_state(phase)) for phase in self.roadmap.phases]
        upcoming = self.roadmap.next_item()
        if not upcoming:
            last = " ".join(self.roadmap.problems) or "Everything is ticked."
            return _bundle(("Phase", "Progress", "Ticked"), rows, last, escape(last))
        notebook = self.roadmap.notebooks[upcoming.notebook]
        html = f"Next: {_anchor(upcoming.link, upcoming.title)}, in {escape(notebook)}"
        return _bundle(("Phase", "Progress", "Ticked"), rows, f"Next: {upcoming.title}, in {notebook}", html)


class DataDashboard(_Dashboard):
    """The widgets of `data_dashboard`: `buttons` by data set, `last` the last fetch that was started.

    Notebook: 01-foundations/00-start-here.ipynb
    """

    def __init__(self) -> None:
        super().__init__()
        self.last: Future | None = None
        self._workers = ThreadPoolExecutor(1)
        self._records = self._available()
        wanted = [record for record in self._records if record.state != _WITH_A_PACKAGE]
        self.buttons = {record.name: self._button(record) for record in wanted}
        row = widgets.HBox(list(self.buttons.values()), layout={"flex_flow": "row wrap"})
        self.widget = widgets.VBox([row, self.message])
        if self.buttons and _offline():
            self.message.value = "NN_OFFLINE=1 forbids the network: unset it and run this cell again."
        self._refresh()

    def fetch(self, name: str) -> None:
        """Start to fetch a data set; `message` says how it went."""
        self.buttons[name].disabled = True
        self.message.value = f"Fetching {name} ..."
        self.last = self._workers.submit(self._fetch, name)

    def _fetch(self, name: str) -> None:
        from utils.data_loaders import fetch

        try:
            record = fetch(name, progress=False)
            said = f"{record.title}: {record.state}."
        except Exception as error:  # whatever it is, nobody else shows it: this is a thread
            said = f"{name} was not fetched. {error}"
        self._records = self._available() or self._records
        self.message.value = said
        self._refresh()

    def _available(self) -> list[Any]:
        from utils.data_loaders import DataError, available

        try:
            return list(available())
        except (DataError, OSError) as error:
            self.message.value = str(error)
            return []

    def _button(self, record: Any) -> widgets.Button:
        button = widgets.Button(description=f"Fetch {record.title}", layout={"width": "auto"})
        button.on_click(lambda clicked: self.fetch(record.name))
        return button

    def _refresh(self) -> None:
        for record in self._records:
            if button := self.buttons.get(record.name):
                missing = record.state in ("to download", "offline")
                button.disabled = _offline() or not missing
                button.icon = "download" if missing else "check"
                button.tooltip = _reason(record)
        self._update_table()

    def _table(self) -> dict[str, str]:
        rows = [(r.title, _where(r.state), _size(r.bytes), r.licence) for r in self._records]
        last = "" if rows else self.message.value
        return _bundle(("Data set", "Where", "Size", "Licence"), rows, last, escape(last))


def _where(state: str) -> str:
    return "stand-in (offline)" if state == "offline" else state


def _reason(record: Any) -> str:
    if record.state == "to download":
        return f"Download {_size(record.bytes)} into the cache"
    return "NN_OFFLINE=1 forbids the network" if record.state == "offline" else f"It is here: {record.state}"


def _offline() -> bool:
    from utils.data_loaders.settings import offline

    return offline()


def _size(count: int | None) -> str:
    if not count:
        return ""
    unit, scale = ("MB", 1e6) if count >= 1e5 else ("kB", 1e3)
    return f"{count / scale:.{int(count / scale < 10)}f} {unit}"


def _state(phase: Phase) -> tuple[str, str]:
    total = len(phase.items)
    return (bar(phase.done, total, 20, "■", "□"), f"{phase.done} of {total}") if total else ("", "to come")


def _heading(phase: Phase) -> str:
    return f"{phase.title}: {_state(phase)[1]}"


def _plans(phase: Phase) -> str:
    return f"<ul>{''.join(f'<li>{escape(plan)}</li>' for plan in phase.plans)}</ul>"


def _anchor(link: str, text: str, more: str = "") -> str:
    """`text` as a link from the running notebook's folder to a file of the series; `text` where none is."""
    path = Path(link.partition("#")[0])
    for up in range(4):
        if Path.cwd().joinpath(*[".."] * up, path).exists():
            return f'<a href="{escape("../" * up + link)}" {more}>{escape(text)}</a>'
    return escape(text)


def _bundle(head: tuple[str, ...], rows: list[tuple[str, ...]], last: str, last_html: str) -> dict[str, str]:
    """A table and a last line, as HTML and as text."""
    cells = "".join(f'<th style="text-align: left">{name}</th>' for name in head)
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in (head, *rows)]
    html = f"<table><thead><tr>{cells}</tr></thead><tbody>{body}</tbody></table><p>{last_html}</p>"
    return {"text/html": html, "text/plain": "\n".join([*lines, last]).rstrip()}


def _cell(text: str) -> str:
    return f'<td style="text-align: left">{escape(text)}</td>'

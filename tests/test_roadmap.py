"""The roadmap file is read as far as it goes; a write changes the ticked boxes' bytes and nothing else."""

import os
import signal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from roadmap_sample import BASICS, CALCULUS, POSIX, README, ROOT, TITLES, box, file, python, section

from utils.files import locked
from utils.roadmap import AmbiguousItem, Roadmap, RoadmapError
from utils.roadmap_text import parse

__all__ = ["file"]  # the fixture


def read(path, text):
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return Roadmap.read(path)


def titles(roadmap):
    return [item.title for item in roadmap.items]


def changed_bytes(before, after):
    assert len(before) == len(after)
    return [i for i, pair in enumerate(zip(before, after, strict=True)) if pair[0] != pair[1]]


def test_reads_items_with_phase_topic_notebook_and_state(file):
    roadmap = Roadmap.read()
    assert titles(roadmap) == TITLES
    first = roadmap.items[0]
    assert (first.number, first.phase, first.topic, first.notebook) == (1, "01", "math-prerequisites", BASICS)
    assert [item.ticked for item in roadmap.items] == [False, True, True, False, False, False]
    assert roadmap.notebooks == {BASICS: "Python basics", CALCULUS: "Calculus"}
    assert roadmap.progress() == {"01": (2, 6), "02": (0, 0)}
    assert roadmap.phases[1].plans == ("forward-propagation: neurons and layers",)
    assert roadmap.next_item() == first
    assert roadmap.own == roadmap.problems == ()


def test_path_is_argument_then_environment_then_repository(file, monkeypatch, tmp_path):
    assert Roadmap.read().path == file
    assert Roadmap.read(tmp_path / "other.md").path == tmp_path / "other.md"
    monkeypatch.delenv("NN_ROADMAP")
    assert Roadmap.read().path == ROOT / "README.md"


def test_the_readme_of_the_series_has_no_problem_and_no_dead_link(monkeypatch):
    roadmap = Roadmap.read(ROOT / "README.md")
    assert roadmap.problems == ()
    missing = {item.notebook for item in roadmap.items if not (ROOT / item.notebook).exists()}
    assert not missing


HIDDEN = {
    "fence": "```\n{}```\n",
    "fence with a language": "```markdown\n{}```\n",
    "longer fence around a shorter one": "````\n```\n{}```\n````\n",
    "tildes around backticks": "~~~\n```\n{}~~~\n",
    "indented fence": "  ```\n{}  ```\n",
    "fence in a list": "- ```\n{}  ```\n",
    "comment": "<!--\n{}-->\n",
    "comment with text": "  <!-- later:\n{}  and so on -->\n",
    "one-line comment": "<!-- {} -->\n",
    "unclosed fence at the end": "```\n{}",
    "unclosed comment at the end": "<!--\n{}",
}


@pytest.mark.parametrize("frame", HIDDEN.values(), ids=HIDDEN)
def test_boxes_in_code_and_comments_are_neither_read_nor_written(tmp_path, frame):
    path = tmp_path / "README.md"
    text = section(box("Shown"), box("Twice"), frame.format((box("Hidden") + box("Twice")).rstrip() + "\n"))
    roadmap = read(path, text)
    assert titles(roadmap) == ["Shown", "Twice"]
    roadmap.tick(["Shown", "Twice"])
    head = text[: text.index(frame[:3], text.index("Twice"))]
    assert path.read_text() == head.replace("[ ]", "[x]") + text[len(head) :]
    with pytest.raises(RoadmapError):
        roadmap.tick("Hidden")


@pytest.mark.parametrize(
    "opener", ["``` not `a` fence\n", "`code`\n", "text <!-- inline\n", "<!-- closed -->\n", "``\n"]
)
def test_what_only_looks_like_a_block_hides_nothing(tmp_path, opener):
    assert titles(read(tmp_path / "r.md", section(opener, box("Shown")))) == ["Shown"]


def test_a_roadmap_heading_in_code_is_not_the_roadmap(tmp_path):
    text = "```\n" + section(box("Example")) + "```\n\n" + section(box("Real"))
    assert titles(read(tmp_path / "r.md", text)) == ["Real"]


def test_learners_lines_are_kept_and_never_counted(file):
    own = [
        "- [ ] read the paper\n",
        "- [x] [video](https://example.org/a.ipynb#video)\n",
        f"- [ ] [read this again]({BASICS}#The-chain-rule)\n",
        f"  - [ ] [whole notebook]({BASICS})\n",
        "- [ ] [outside](../other/x.ipynb#outside)\n",
    ]
    notes = "\n> my note\n\n### My plan\n" + box("The chain rule", notebook=CALCULUS)
    text = README.replace("\n### 02", "".join(own) + notes + "\n### 02")
    roadmap = read(file, text)
    assert titles(roadmap) == TITLES
    assert len(roadmap.own) == len(own) + 1
    roadmap.tick("The chain rule")
    assert file.read_text() == text.replace("- [ ] [The chain", "- [x] [The chain", 1)


def test_an_item_that_stands_twice_is_one_item(tmp_path):
    path = tmp_path / "README.md"
    text = section("<<<<<<< HEAD\n", box("A"), "=======\n", box("A", "x"), ">>>>>>> other\n", box("B"))
    roadmap = read(path, text)
    assert [(item.title, item.ticked) for item in roadmap.items] == [("A", True), ("B", False)]
    roadmap.untick("A")
    assert path.read_text() == text.replace("[x]", "[ ]")
    roadmap.tick("A")
    assert path.read_text().count("[x]") == 2


DAMAGED = {
    "no section": (README.replace("## Roadmap", "## Way"), 0),
    "no phase": (README.replace("### 01", "### One"), 0),
    "half a line": (README[: README.index("he chain rule](")], 3),
    "broken box": (README.replace("- [ ] [The chain", "- [ [The chain"), 5),
    "broken link": (README.replace("#The-chain-rule)", ""), 5),
    "empty": ("", 0),
    "garbage": (bytes(range(256)) * 50, 0),
    "another encoding": (README.encode("utf-16"), 0),
    "zeros": (bytes(5000), 0),
    "stars and numbers": (README.replace("  - [", "  * ["), 6),
    "tabs": (README.replace("  - [", "\t-\t["), 6),
    "lone carriage returns": (README.replace("\n", "\r"), 6),
    "no blank lines": ("\n".join(filter(None, README.split("\n"))), 6),
}


@pytest.mark.parametrize(("text", "count"), DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_file_is_read_as_far_as_it_goes(tmp_path, text, count):
    path = tmp_path / "README.md"
    roadmap = read(path, text)
    assert len(roadmap.items) == count
    assert bool(roadmap.problems) == (count == 0)
    before = path.read_bytes()
    open_items = [item for item in roadmap.items if not item.ticked]
    roadmap.tick(open_items)
    assert len(changed_bytes(before, path.read_bytes())) == len(open_items)
    if not count:
        with pytest.raises(RoadmapError, match=r"holds no item|no section"):
            roadmap.tick("The chain rule")
        assert path.read_bytes() == before


@pytest.mark.parametrize("name", ["missing.md", "missing/README.md", "."])
def test_no_file_at_all(tmp_path, name):
    roadmap = Roadmap.read(tmp_path / name)
    assert roadmap.items == () and "cannot be read" in roadmap.problems[0]
    with pytest.raises(RoadmapError, match="NN_ROADMAP"):
        roadmap.tick("The chain rule")
    assert list(tmp_path.iterdir()) == []


lines = st.sampled_from(README.encode().splitlines(keepends=True))
extras = st.sampled_from(
    [b"```\n", b"<!--\n", b"-->\n", b"~~~\n", b"- [ ] own\n", b"\r", b"\xff\xfe", b"\xef\xbb\xbf"]
)


@given(st.lists(st.one_of(lines, lines, lines, extras, st.binary(max_size=12)), max_size=60).map(b"".join))
@example(b"\xef\xbb\xbf" + README.encode().replace(b"\n", b"\r\n"))
@example(README.encode().replace(b"rule", b"r\xffle"))
@example(b"## Roadmap\n### 01\n- [ ] [" + b"[" * 5000 + b"\n- [ ] [a](" + b"(" * 5000)
def test_any_bytes_are_read_and_only_bracket_bytes_can_change(data):
    phases, _, _, _ = parse(data)
    for item in (item for phase in phases for item in phase.items):
        for offset in item.offsets:
            assert data[offset - 1 : offset + 2] in (b"[ ]", b"[x]", b"[X]")
            assert item.ticked or data[offset] == ord(" ")
            assert b"\n" not in data[offset : data.index(b".ipynb", offset)]


FORMS = {
    "as written": README.encode(),
    "CRLF": README.encode().replace(b"\n", b"\r\n"),
    "mixed ends": README.encode().replace(b"\n", b"\r\n", 12),
    "BOM": b"\xef\xbb\xbf" + README.encode(),
    "BOM and nothing above": b"\xef\xbb\xbf" + README[README.index("## Roadmap") :].encode(),
    "trailing spaces": README.encode().replace(b")\n", b")  \t\n"),
    "no last newline": README[: README.index("\n\n## Licence")].encode(),
    "bytes that are not UTF-8": README.encode().replace(b"# Series", b"# S\xe9ries \xff\x00"),
    "notes behind the items": README.encode().replace(b"rule)\n", b"rule) - hard, see p. 12\n"),
    "non-ASCII": README.replace("# Series", "# Série 神经网络 σ").encode(),
}


@pytest.mark.parametrize("data", FORMS.values(), ids=FORMS)
def test_a_write_changes_one_byte_for_each_item(tmp_path, data):
    path = tmp_path / "README.md"
    roadmap = read(path, data)
    assert titles(roadmap) == TITLES
    changed = roadmap.tick([(CALCULUS, "The chain rule"), "gradient DESCENT", roadmap.items[2]])
    assert [item.title for item in changed] == ["The chain rule", "Gradient descent"]
    after = path.read_bytes()
    places = [data.index(title) - 3 for title in (b"[The chain", b"[Gradient")]
    assert changed_bytes(data, after) == places
    assert [after[i] for i in places] == [ord("x")] * 2
    assert [item.ticked for item in roadmap.items] == [False, True, True, True, True, False]
    roadmap.untick(changed)
    assert path.read_bytes() == data


def test_ticking_what_is_ticked_leaves_the_file_alone(file):
    before = file.stat().st_mtime_ns
    assert Roadmap.read().tick("Bayes' theorem") == ()  # it stands there as [X]
    assert Roadmap.read().untick([]) == ()
    assert file.stat().st_mtime_ns == before and file.read_text() == README


def test_a_stale_roadmap_does_not_undo_or_misplace(file):
    stale = Roadmap.read()
    text = "Some words\n\n" + README.replace("- [ ] [Gradient", "- [x] [Gradient")
    file.write_text(text)
    stale.tick(stale.items[3])
    assert file.read_text() == text.replace("- [ ] [The chain", "- [x] [The chain")


def test_a_stale_roadmap_knows_items_added_since(file):
    stale = Roadmap.read()
    file.write_text(
        README.replace("- [ ] [Gradient descent]", "- [ ] [Added]").replace("#Gradient-desc", "#Added-")
    )
    assert stale.tick("Added")[0].ticked is False and "- [x] [Added]" in file.read_text()


def test_what_is_written_between_the_call_and_the_lock_stays(file, monkeypatch):
    def busy_lock(path, timeout):
        file.write_text(file.read_text().replace("- [ ] [Gradient", "- [x] [Gradient"))
        return locked(path, timeout)

    monkeypatch.setattr("utils.roadmap.locked", busy_lock)
    Roadmap.read().tick("The chain rule")
    assert [item.ticked for item in Roadmap.read().items] == [False, True, True, True, True, False]


def test_unknown_items_name_the_closest_and_change_nothing(file):
    roadmap = Roadmap.read()
    with pytest.raises(RoadmapError, match="did you mean 'The chain rule'"):
        roadmap.tick(["Gradient descent", "The chian rule"])
    with pytest.raises(RoadmapError, match=r"no item 'The chain rule' in .*basics.*did you mean"):
        roadmap.tick([(BASICS, "The chain rule")])
    for wrong in (3, None, ("a", "b"), [BASICS]):
        with pytest.raises((RoadmapError, TypeError)):
            roadmap.tick([wrong])
    assert file.read_text() == README


def test_a_title_in_two_notebooks_needs_its_notebook(tmp_path):
    roadmap = read(tmp_path / "r.md", section(box("Softmax"), box("Softmax", notebook=CALCULUS)))
    with pytest.raises(AmbiguousItem, match=r"fits 2 items(.|\n)*01-python(.|\n)*04-calculus"):
        roadmap.tick("Softmax")
    roadmap.tick((CALCULUS, "Softmax"))
    assert [item.ticked for item in roadmap.items] == [False, True]


@POSIX
def test_a_linked_readme_stays_a_link(file, tmp_path):
    link = tmp_path / "link.md"
    link.symlink_to(file)
    Roadmap.read(link).tick("The chain rule")
    assert link.is_symlink() and "- [x] [The chain" in file.read_text()


@pytest.mark.parametrize("function", ["replace", "fsync"])
def test_a_failing_write_leaves_the_old_file_and_no_other(file, monkeypatch, function):
    roadmap = Roadmap.read()

    def fail(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, function, fail)
    with pytest.raises(OSError, match="No space"):
        roadmap.tick("The chain rule")
    assert file.read_text() == README
    assert not roadmap.items[3].ticked
    assert {path.suffix for path in file.parent.iterdir()} <= {".md", ".lock"}


KILLED = """
import os, signal, sys
from utils.roadmap import Roadmap
setattr(os, sys.argv[2], lambda *a: os.kill(os.getpid(), signal.SIGKILL))
Roadmap.read(sys.argv[1]).tick("The chain rule")
"""


@POSIX
@pytest.mark.parametrize("function", ["fsync", "replace"])
def test_a_kill_in_the_middle_of_a_write_loses_nothing(file, function):
    process = python(KILLED, file, function)
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    assert file.read_text() == README
    Roadmap.read(file).tick("The chain rule")
    assert Roadmap.read(file).items[3].ticked


TICKS = """
import sys
from utils.roadmap import Roadmap
roadmap = Roadmap.read(sys.argv[1])
for item in roadmap.items[int(sys.argv[2])::2]:
    Roadmap.read(sys.argv[1]).tick(item)
"""


def test_two_processes_lose_no_tick_and_a_reader_never_sees_half_a_file(tmp_path):
    path = tmp_path / "README.md"
    names = [f"Item {number}" for number in range(100)]
    path.write_text(section(*map(box, names)))
    whole = path.stat().st_size
    writers = [python(TICKS, path, start) for start in (0, 1)]
    while any(writer.poll() is None for writer in writers):
        assert len(path.read_bytes()) == whole
    for writer in writers:
        assert writer.returncode == 0, writer.stderr.read().decode()
        writer.stderr.close()
    assert [item.title for item in Roadmap.read(path).items if item.ticked] == names


def test_a_held_lock_is_an_error_with_its_name_not_a_wait_for_ever(file, monkeypatch):
    monkeypatch.setattr("utils.roadmap.LOCK_SECONDS", 0.1)
    with locked(file), pytest.raises(TimeoutError, match=r"README\.md\.lock"):
        Roadmap.read().tick("The chain rule")
    assert file.read_text() == README

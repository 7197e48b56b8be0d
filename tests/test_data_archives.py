"""Archives: members by name, hostile paths, links, bombs, damage."""

import dataclasses
import gzip
import io
import tarfile
import zipfile

import pytest
from _data_server import PAGE, digest, expect_stand_in, files_in

import utils.data_loaders as data
from utils.data_loaders import registry

pytest_plugins = ["_data_fixtures"]
pytestmark = pytest.mark.usefixtures("surroundings")


def tar_gz(*members):
    """Members are (name, content) or TarInfo."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for member in members:
            info, content = (
                (member, b"")
                if isinstance(member, tarfile.TarInfo)
                else (tarfile.TarInfo(member[0]), member[1])
            )
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return packed.getvalue()


def zipped(*members):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return packed.getvalue()


def tar_entry(name, kind, target=""):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def zip_link(name):
    info = zipfile.ZipInfo(name)
    info.external_attr = 0o120777 << 16
    return info


SMS = b"".join(b"%s\tmessage %d\n" % (b"spam" if i % 5 == 0 else b"ham", i) for i in range(120))
REVIEWS = {
    f"rt-polaritydata/rt-polarity.{kind}": b"".join(b"%s caf\xe9 %d \n" % (word, i) for i in range(5331))
    for kind, word in (("pos", b"good"), ("neg", b"bad"))
}


def test_a_zip_archive_is_unpacked_by_name(server, archive_mirrors, tmp_path):
    packed = zipped(("readme", b"about"), ("SMSSpamCollection", SMS))
    archive_mirrors("sms_spam", server.serve("/sms.zip", packed), member_sha256=digest(SMS))
    loaded = data.load_sms_spam()
    assert loaded.labels.sum() == 24 and loaded.texts[1] == "message 1"
    assert files_in(tmp_path / "cache") == ["sms-spam/SMSSpamCollection"]
    assert data.load_sms_spam().texts == loaded.texts and server.hits["/sms.zip"] == 1


def test_a_tar_archive_in_latin_1_is_unpacked_by_name(server, archive_mirrors, tmp_path):
    packed = tar_gz(("rt-polaritydata.README", b"about"), *REVIEWS.items())
    archive_mirrors("review_polarity", server.serve("/rt.tar.gz", packed))
    loaded = data.load_review_polarity()
    assert loaded.texts[0] == "bad café 0" and loaded.texts[-1] == "good café 5330"
    assert files_in(tmp_path / "cache") == ["rt-polarity/rt-polarity.neg", "rt-polarity/rt-polarity.pos"]


@pytest.mark.parametrize(
    ("packed", "reason"),
    [
        pytest.param(
            zipped(("../SMSSpamCollection", SMS), ("SMSSpamCollection", SMS)), "leads out", id="dots"
        ),
        pytest.param(zipped(("/etc/passwd", SMS), ("SMSSpamCollection", SMS)), "leads out", id="absolute"),
        pytest.param(
            zipped(("a\\..\\..\\b", SMS), ("SMSSpamCollection", SMS)), "leads out", id="backslashes"
        ),
        pytest.param(zipped(("C:/b", SMS), ("SMSSpamCollection", SMS)), "leads out", id="drive"),
        pytest.param(zipped((zip_link("SMSSpamCollection"), b"/etc/passwd")), "link", id="link"),
        pytest.param(zipped(("other", SMS)), "lacks SMSSpamCollection", id="missing"),
        pytest.param(zipped(("SMSSpamCollection", SMS + bytes(2_000_000))), "more than 1,000,000", id="bomb"),
        pytest.param(zipped(("SMSSpamCollection", PAGE)), "web page", id="web page inside"),
        pytest.param(zipped(("SMSSpamCollection", SMS[:-1] + b"!")), "checksum", id="one byte off"),
        pytest.param(zipped(("SMSSpamCollection", SMS))[:-40], "damaged", id="cut off"),
        pytest.param(PAGE, "damaged", id="web page"),
    ],
)
def test_a_hostile_or_damaged_zip_is_refused(server, archive_mirrors, packed, reason, tmp_path, capsys):
    archive_mirrors("sms_spam", server.serve("/bad.zip", packed), member_sha256=digest(SMS))
    expect_stand_in(tmp_path, capsys, reason, load=data.load_sms_spam)


@pytest.mark.parametrize(
    ("packed", "reason"),
    [
        pytest.param(tar_gz(("../evil", b"x"), *REVIEWS.items()), "leads out", id="dots"),
        pytest.param(tar_gz(("/etc/evil", b"x"), *REVIEWS.items()), "leads out", id="absolute"),
        pytest.param(
            tar_gz(tar_entry("rt-polaritydata/rt-polarity.pos", tarfile.SYMTYPE, "/etc/passwd")),
            "link",
            id="symlink",
        ),
        pytest.param(
            tar_gz(tar_entry("x", tarfile.LNKTYPE, "../x"), *REVIEWS.items()), "link", id="hard link"
        ),
        pytest.param(tar_gz(tar_entry("x", tarfile.CHRTYPE), *REVIEWS.items()), "device", id="device"),
        pytest.param(tar_gz(tar_entry("x", tarfile.FIFOTYPE), *REVIEWS.items()), "device", id="pipe"),
        pytest.param(
            tar_gz(("x", bytes(5_000_000)), *REVIEWS.items()), "more than 1,000,000", id="bomb before"
        ),
        pytest.param(tar_gz(*REVIEWS.items(), *REVIEWS.items()), "twice", id="twice"),
        pytest.param(tar_gz(*list(REVIEWS.items())[:1]), "lacks", id="missing"),
        pytest.param(tar_gz(*REVIEWS.items())[:-4000], "damaged", id="cut off"),
        pytest.param(gzip.compress(b"no tar at all" * 100), "damaged", id="no tar"),
        pytest.param(tar_gz(*((name, PAGE) for name in REVIEWS)), "web page", id="web page inside"),
        pytest.param(
            tar_gz(*((name, text[:-30]) for name, text in REVIEWS.items())), "5331", id="lines missing"
        ),
    ],
)
def test_a_hostile_or_damaged_tar_is_refused(server, archive_mirrors, packed, reason, tmp_path, capsys):
    archive_mirrors("review_polarity", server.serve("/bad.tar.gz", packed))
    expect_stand_in(tmp_path, capsys, reason, load=data.load_review_polarity)


def test_an_archive_with_another_checksum_is_refused(server, archive_mirrors, tmp_path, capsys):
    archive_mirrors("sms_spam", server.serve("/sms.zip", zipped(("SMSSpamCollection", SMS))), sha256="0" * 64)
    expect_stand_in(tmp_path, capsys, "checksum", load=data.load_sms_spam)


def test_single_files_serve_where_the_archive_fails(server, monkeypatch, tmp_path):
    record = registry.RECORDS["review_polarity"]
    archive = dataclasses.replace(record.archive, urls=(server.url("/gone.tar.gz"),))
    files = tuple(
        dataclasses.replace(f, urls=(server.serve(f"/{f.name}", REVIEWS[f.member]),)) for f in record.files
    )
    monkeypatch.setitem(
        registry.RECORDS, "review_polarity", dataclasses.replace(record, files=files, archive=archive)
    )
    assert not data.load_review_polarity().is_stand_in

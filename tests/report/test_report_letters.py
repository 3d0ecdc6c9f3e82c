"""What the machine has to print with: whether its fonts have the letters, and what installs them on which system."""

import re
import shutil
from pathlib import Path

import matplotlib
import pytest
from made_machine import on

from hwlib.errors import WorkbookError
from hwlib.report import fonts, install


def test_fontconfig_itself_is_asked_whether_there_is_a_font(tmp_path, monkeypatch):
    if fonts.any_font() is None:
        pytest.skip("no library fontconfig on this machine")
    config = tmp_path / "fonts.conf"
    folder = tmp_path / "fonts"
    folder.mkdir()
    config.write_text(f"<fontconfig><dir>{folder}</dir><cachedir>{tmp_path}/cache</cachedir></fontconfig>")
    monkeypatch.setenv("FONTCONFIG_FILE", str(config))
    assert fonts.any_font() is False
    (folder / "broken.ttf").write_bytes(b"no font")
    assert fonts.any_font() is False
    shutil.copy(Path(matplotlib.get_data_path()) / "fonts/ttf/DejaVuSans.ttf", folder)
    assert fonts.any_font() is True


@pytest.mark.parametrize(
    ("platform", "release", "said"),
    [
        ("linux", {"ID": "debian"}, "`apt-get install chromium fonts-noto-cjk`"),
        ("linux", {"ID": "ubuntu", "ID_LIKE": "debian"}, "`apt-get install libpangoft2-1.0-0 fonts-noto-cjk`"),
        ("linux", {"ID": "linuxmint", "ID_LIKE": "ubuntu debian"}, "`apt-get install libpangoft2-1.0-0 "),
        ("linux", {"ID": "raspbian", "ID_LIKE": "debian"}, "`apt-get install chromium "),
        ("linux", {"ID": "fedora"}, "`dnf install chromium google-noto-sans-cjk-fonts`"),
        ("linux", {"ID": "rocky", "ID_LIKE": "rhel centos fedora"}, "`dnf install chromium google-noto-sans-cjk-ttc-"),
        ("linux", {"ID": "manjaro", "ID_LIKE": "arch"}, "`pacman -S chromium noto-fonts-cjk`"),
        ("linux", {"ID": "opensuse-leap", "ID_LIKE": "suse opensuse"}, "`zypper install chromium noto-sans-cjk-fonts`"),
        ("linux", {"ID": "alpine"}, "`apk add chromium font-noto-cjk`"),
        ("linux", {"ID": "homemade"}, "install Chromium and a font that has Chinese"),
        ("darwin", {}, "`brew install --cask google-chrome font-noto-sans-cjk`"),
        ("win32", {}, "`winget install Google.Chrome`"),
    ],
)
def test_packages_are_named_for_the_system_at_hand_alone(monkeypatch, platform, release, said):
    on(monkeypatch, platform, **release)
    how = install.how(install.ENGINE, install.FONT)
    assert said in how
    assert len(re.findall("apt-get|dnf|pacman|zypper|apk|brew|winget", how)) == (release.get("ID") != "homemade")


def test_a_system_without_a_name_is_told_in_plain_words(monkeypatch):
    def none():
        raise OSError("no os-release")

    on(monkeypatch)
    monkeypatch.setattr(install.platform, "freedesktop_os_release", none)
    assert install.how(install.ENGINE) == "install Chromium"


def test_letters_that_no_font_has_are_named_with_the_package(fontconfig, debian):
    fontconfig("20-7e a0-17f 2190-21ff", "20-7e")
    fonts.check("plain → text, naïve")
    with pytest.raises(
        WorkbookError, match=r"Chinese characters \(度 U\+5EA6 深 U\+6DF1\).*apt-get install fonts-noto-cjk"
    ):
        fonts.check("深度 learning")
    with pytest.raises(WorkbookError, match=r"no font on this machine has 🙂 U\+1F642"):
        fonts.check("ok 🙂")


def test_chinese_is_to_be_in_one_font_all_together(fontconfig):
    fontconfig("20-7e 6df1", "20-7e 5ea6")
    with pytest.raises(WorkbookError, match="Chinese characters"):
        fonts.check("深度")
    fontconfig("20-7e 5ea6 6df1")
    fonts.check("深度")


def test_without_fontconfig_nothing_is_checked(monkeypatch):
    monkeypatch.setattr(fonts.shutil, "which", lambda name: None)
    fonts.check("深度")

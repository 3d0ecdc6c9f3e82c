"""The command that installs what printing lacks, in the words of the system at hand."""

import importlib.util
import platform
import sys

ENGINE, FONT = 1, 2
"""What may be lacking: something that prints, letters for Chinese."""
LINUX = {
    "debian": ("apt-get install", "chromium", "fonts-noto-cjk"),
    # Ubuntu's Chromium is a snap, which sees neither /tmp nor hidden folders; with pango, WeasyPrint prints.
    "ubuntu": ("apt-get install", "libpangoft2-1.0-0", "fonts-noto-cjk"),
    "fedora": ("dnf install", "chromium", "google-noto-sans-cjk-fonts"),
    "rhel": ("dnf install", "chromium", "google-noto-sans-cjk-ttc-fonts"),
    "arch": ("pacman -S", "chromium", "noto-fonts-cjk"),
    "suse": ("zypper install", "chromium", "noto-sans-cjk-fonts"),
    "alpine": ("apk add", "chromium", "font-noto-cjk"),
    "void": ("xbps-install", "chromium", "noto-fonts-cjk"),
    "gentoo": ("emerge", "www-client/chromium", "media-fonts/noto-cjk"),
}
"""Command and packages for an ID of /etc/os-release; relatives are known by its ID_LIKE."""
OTHER = {
    "darwin": ("brew install --cask", "google-chrome", "font-noto-sans-cjk"),
    "win32": ("winget install", "Google.Chrome", ""),  # its own fonts have Chinese
}


def how(*wanted: int) -> str:
    """Return "install them by `command packages`" for `wanted`, or in plain words where the system is not known."""
    known = OTHER.get(sys.platform) or next((LINUX[name] for name in _linux() if name in LINUX), None)
    packages = [known[w] for w in wanted if known[w]] if known else []
    if not packages:
        plain = {ENGINE: "Chromium", FONT: "a font that has Chinese (as Noto Sans CJK)"}
        return f"install {' and '.join(plain[w] for w in wanted)}"
    said = f"`{known[0]} {' '.join(packages)}`"
    if any("pango" in package for package in packages) and importlib.util.find_spec("weasyprint") is None:
        said += " and `pip install weasyprint ziamath`"
    return f"install with {said}"


def _linux() -> list[str]:
    """The names of this Linux and of those that it is like, nearest first."""
    try:
        system = platform.freedesktop_os_release()
    except OSError:
        return []
    return f"{system['ID']} {system.get('ID_LIKE', '')}".lower().split()

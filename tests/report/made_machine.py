"""Machines that the report's tests make believe to run on."""

from hwlib.report import install


def on(monkeypatch, platform="linux", **release):
    """Be on a system with these lines in its /etc/os-release."""
    monkeypatch.setattr(install.sys, "platform", platform)
    monkeypatch.setattr(install.platform, "freedesktop_os_release", lambda: release)

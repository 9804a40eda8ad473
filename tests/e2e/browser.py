"""Provides the browser and the Japanese font for the test of the playground's page.

`python -m tests.e2e.browser` finds or installs both, says what it does, and ends with 1 and what is missing
when it cannot. Tests ask `find_browser()`, which looks but never installs.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge")
PLACES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
PACKAGES = ("chromium", "fonts-noto-cjk")
MANUAL = """\
Install Chromium or Chrome and a Japanese font, for example on Debian or Ubuntu:
  sudo apt-get install chromium fonts-noto-cjk
or name a browser that lies elsewhere: OKAERI_BROWSER=/path/to/chrome make test"""

# Without these a browser asks its maker for updates and lists, in a test that needs none of it.
FLAGS = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
)

# A missing glyph is drawn as the same box for every character, so two that are drawn differently are there.
_GLYPHS = """\
<body><script>
function drawn(letter) {
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = 40;
  const pen = canvas.getContext('2d');
  pen.font = '30px sans-serif';
  pen.fillText(letter, 2, 32);
  return canvas.toDataURL();
}
const seen = new Set(['\\u9ad9', '\\u6a4b', '\\u304a', ' '].map(drawn));
document.body.textContent = 'glyphs=' + seen.size;
</script></body>"""


class BrowserMissing(Exception):
    """No browser that starts was found; the message says how to get one."""


def launch_flags() -> list[str]:
    """The arguments a test starts the browser with; as root Chromium runs only without its sandbox."""
    return [*FLAGS, "--no-sandbox"] if _is_root() else list(FLAGS)


def find_browser() -> Path:
    """The first Chromium or Chrome that starts. Raises `BrowserMissing` when there is none."""
    named = os.environ.get("OKAERI_BROWSER")
    if named:
        if _glyphs(Path(named)) is None:
            raise BrowserMissing(f"OKAERI_BROWSER={named} does not start.\n{MANUAL}")
        return Path(named)
    for candidate in _candidates():
        if _glyphs(candidate) is not None:
            return candidate
    raise BrowserMissing(f"No Chromium or Chrome that starts was found.\n{MANUAL}")


def renders_japanese(browser: Path) -> bool:
    """Whether the browser has glyphs for 髙, 橋 and お (four drawings: the three and a blank)."""
    return _glyphs(browser) == 4


def provide() -> Path:
    """Find or install a browser and a Japanese font. Raises `BrowserMissing` with what is missing."""
    try:
        browser = find_browser()
    except BrowserMissing:
        if os.environ.get("OKAERI_BROWSER"):
            raise
        browser = _installed_browser()
    if not renders_japanese(browser):
        _say("no Japanese font found")
        _apt_install("fonts-noto-cjk")
        if not renders_japanese(browser):
            raise BrowserMissing(f"{browser} draws no Japanese: a font is missing.\n{MANUAL}")
    return browser


def _installed_browser() -> Path:
    _say("no Chromium or Chrome found; trying Playwright's own download")
    _run([sys.executable, "-m", "playwright", "install", "chromium"], seconds=300)
    try:
        return find_browser()
    except BrowserMissing:
        _say("that gave no browser that starts")
    _apt_install(*PACKAGES)
    return find_browser()


def _apt_install(*packages: str) -> None:
    if not (_is_root() and shutil.which("apt-get")):
        raise BrowserMissing(
            f"Missing: {', '.join(packages)}; only root, with apt-get, can install them from here.\n{MANUAL}"
        )
    _say(f"installing Debian's {' and '.join(packages)}")
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    _run(["apt-get", "-q", "update"], seconds=300, env=quiet)
    command = ["apt-get", "-q", "install", "-y", "--no-install-recommends", *packages]
    if not _run(command, seconds=900, env=quiet):
        raise BrowserMissing(f"apt-get could not install {', '.join(packages)}.\n{MANUAL}")


def _candidates() -> Iterator[Path]:
    for name in NAMES:
        if found := shutil.which(name):
            yield Path(found)
    yield from (Path(place) for place in PLACES if Path(place).is_file())
    if (downloaded := _playwrights_own()) is not None:
        yield downloaded


def _playwrights_own() -> Path | None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = Path(playwright.chromium.executable_path)
    return path if path.is_file() else None


def _glyphs(browser: Path) -> int | None:
    """How many different drawings the browser made of four characters; None when it does not start."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        page = Path(folder, "glyphs.html")
        page.write_text(_GLYPHS, encoding="utf-8")
        profile = f"--user-data-dir={folder}/profile"
        command = [str(browser), "--headless", *launch_flags(), profile, "--dump-dom", page.as_uri()]
        try:
            done = subprocess.run(
                command, check=False, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
    found = re.search(r"glyphs=(\d+)", done.stdout)
    return int(found[1]) if found else None


def _run(command: list[str], seconds: float, env: dict[str, str] | None = None) -> bool:
    _say("$ " + " ".join(command))
    try:
        done = subprocess.run(command, check=False, timeout=seconds, env=env, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired) as problem:
        _say(str(problem))
        return False
    return done.returncode == 0


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0


def _say(words: str) -> None:
    print(f"browser: {words}", flush=True)


def main() -> int:
    """The command: 0 and the browser's path, or 1 and what is missing."""
    try:
        browser = provide()
    except BrowserMissing as missing:
        _say(str(missing))
        return 1
    _say(f"{browser} starts and draws Japanese")
    return 0


if __name__ == "__main__":
    sys.exit(main())

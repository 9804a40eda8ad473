"""The version from which a rolling upgrade comes: a commit and its newest migration, on SQLite those that
`BASE` names, on a server those of `BASE_SERVER`, which is the first that runs on one."""

from __future__ import annotations

import io
import subprocess
import tarfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
BASES = ("BASE", "BASE_SERVER")


def migration(base: str) -> str:
    """The newest migration of a base."""
    return _named(base)[1]


def unpacked(folder: Path, base: str) -> Path:
    """The sources of a base, in a folder. Raises `RuntimeError` when this is no clone that has its commit."""
    commit, _ = _named(base)
    if not (ROOT / ".git").exists() or _git("cat-file", "-e", f"{commit}^{{commit}}").returncode:
        raise RuntimeError(
            f"the commit of tests/compat/{base} is not in this clone: {commit}."
            " A shallow clone gets it by: git fetch --unshallow"
        )
    packed = _git("archive", "--format=tar", commit)
    if packed.returncode:
        raise RuntimeError(packed.stderr.decode(errors="replace"))
    with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as tar:
        tar.extraction_filter = getattr(tarfile, "data_filter", lambda member, _: member)  # from 3.11.4 on
        tar.extractall(folder)
    return folder


def _named(base: str) -> tuple[str, str]:
    commit, newest = (Path(__file__).parent / base).read_text().split()
    return commit, newest


def _git(*words: str) -> subprocess.CompletedProcess[bytes]:
    own = ["-c", f"safe.directory={ROOT}"]  # a checkout may belong to somebody else than who tests it
    return subprocess.run(["git", *own, "-C", str(ROOT), *words], capture_output=True, check=False)

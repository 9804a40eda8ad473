"""The version from which a rolling upgrade comes: the commit that `BASE` names, and its newest migration."""

from __future__ import annotations

import io
import subprocess
import tarfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
COMMIT, MIGRATION = (Path(__file__).parent / "BASE").read_text().split()


def unpacked(folder: Path) -> Path:
    """The sources of that commit, in a folder. Raises `RuntimeError` when this is no clone that has it."""
    if not (ROOT / ".git").exists() or _git("cat-file", "-e", f"{COMMIT}^{{commit}}").returncode:
        raise RuntimeError(
            f"the commit of tests/compat/BASE is not in this clone: {COMMIT}."
            " A shallow clone gets it by: git fetch --unshallow"
        )
    packed = _git("archive", "--format=tar", COMMIT)
    if packed.returncode:
        raise RuntimeError(packed.stderr.decode(errors="replace"))
    with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as tar:
        tar.extraction_filter = getattr(tarfile, "data_filter", lambda member, _: member)  # from 3.11.4 on
        tar.extractall(folder)
    return folder


def _git(*words: str) -> subprocess.CompletedProcess[bytes]:
    own = ["-c", f"safe.directory={ROOT}"]  # a checkout may belong to somebody else than who tests it
    return subprocess.run(["git", *own, "-C", str(ROOT), *words], capture_output=True, check=False)

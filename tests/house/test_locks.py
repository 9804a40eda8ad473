"""The locks name no address, carry hashes, and are in step with pyproject.toml and with each other."""

from __future__ import annotations

import re
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.house.source import ROOT

RUNTIME, DEVELOPMENT, UV = "requirements.lock", "requirements-dev.lock", "requirements-uv.lock"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
_PIN = re.compile(
    r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;]+)(?P<rest>[^\n]*(?:\n[ #][^\n]*)*)", re.MULTILINE
)


def pins(lock: str) -> dict[str, str]:
    """name -> version, with normal names."""
    found = _PIN.finditer((ROOT / lock).read_text("utf-8"))
    return {canonicalize_name(pin["name"]): pin["version"] for pin in found}


def unmet(requirements: list[str], lock: str) -> list[str]:
    """The requirements that the lock does not meet."""
    locked = pins(lock)
    wanted = [Requirement(line) for line in requirements]
    return [str(r) for r in wanted if not r.specifier.contains(locked.get(canonicalize_name(r.name), "0"))]


@pytest.mark.parametrize("lock", [RUNTIME, DEVELOPMENT, UV])
def test_a_lock_names_no_address(lock: str) -> None:
    assert not re.findall(r"^.*(?:://|^-|@ |file:).*$", (ROOT / lock).read_text("utf-8"), re.MULTILINE)


@pytest.mark.parametrize("lock", [RUNTIME, DEVELOPMENT, UV])
def test_every_package_is_pinned_by_hashes(lock: str) -> None:
    text = (ROOT / lock).read_text("utf-8")
    assert pins(lock)
    assert not [pin["name"] for pin in _PIN.finditer(text) if "--hash=sha256:" not in pin["rest"]]


def test_the_runtime_lock_is_in_step_with_the_project() -> None:
    assert not unmet(PROJECT["project"]["dependencies"], RUNTIME)


def test_the_development_lock_is_in_step_with_the_project() -> None:
    assert not unmet([*PROJECT["project"]["dependencies"], *PROJECT["dependency-groups"]["dev"]], DEVELOPMENT)


def test_the_lock_of_uv_builds_the_project() -> None:
    backend = [line.replace("uv_build", "uv") for line in PROJECT["build-system"]["requires"]]
    assert not unmet(backend, UV)


def test_development_adds_to_the_runtime_and_changes_nothing() -> None:
    assert pins(RUNTIME).items() <= pins(DEVELOPMENT).items()
    assert pins(RUNTIME).keys() < pins(DEVELOPMENT).keys()

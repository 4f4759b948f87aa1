"""What is published works where it is installed: the sdist, the wheel made of it, and the plugin in that."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

from tests.live.running import ROOT

PLUGIN = "twisted/plugins/rustalk_plugin.py"
SOURCES = ("LICENSE", "MANIFEST.in", "README.md", "certs", "docs", "pyproject.toml", "rustalk", "setup.cfg", "twisted")
LITTER = shutil.ignore_patterns("__pycache__", "dropin.cache")


def run(*command: str | Path, path: Path | None = None) -> str:
    """What the command prints, run outside the checkout with only ``path`` added to Python's own. Fails as it does."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    if path is not None:
        environment["PYTHONPATH"] = str(path)
    words = [str(word) for word in command]
    done = subprocess.run(words, env=environment, cwd="/", capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, f"{words}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def backend(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What pyproject.toml requires for building, from the package index, beside nothing else."""
    directory = tmp_path_factory.mktemp("backend")
    requires = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    run(sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--target", directory, *requires)
    return directory


def build(backend: Path, kind: str, source: Path, output: Path) -> Path:
    """The sdist or the wheel of a source tree, built as any installer does (PEP 517)."""
    code = f"from setuptools import build_meta as b; print(b.build_{kind}({str(output)!r}))"
    script = f"import os; os.chdir({str(source)!r}); {code}"
    return output / run(sys.executable, "-c", script, path=backend).splitlines()[-1]


@pytest.fixture(scope="module")
def wheel(backend: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of the sdist of this checkout."""
    directory = tmp_path_factory.mktemp("packages")
    checkout = directory / "checkout"
    checkout.mkdir()
    for name in SOURCES:
        origin = ROOT / name
        copy = shutil.copytree if origin.is_dir() else shutil.copy
        copy(origin, checkout / name, **({"ignore": LITTER} if origin.is_dir() else {}))
    sdist = build(backend, "sdist", checkout, directory)
    with tarfile.open(sdist) as archive:
        archive.extractall(directory / "unpacked", filter="data")
    (source,) = (directory / "unpacked").iterdir()
    return build(backend, "wheel", source, directory)


def test_wheel_holds_what_is_needed_at_run_time(wheel: Path) -> None:
    """The plugin, the trusted roots and the mark of type information are in the wheel; no tests are."""
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {PLUGIN, "rustalk/py.typed", "rustalk/certificates/roots/microsoft-teams.crt"} <= names
    assert not [name for name in names if name.startswith("tests/")]


def test_twistd_knows_the_installed_plugin(wheel: Path, tmp_path: Path) -> None:
    """In a fresh environment `twistd --help` lists rustalk, and both names of the command line work.

    The dependencies are those of the environment that runs the tests.
    """
    fresh = tmp_path / "fresh"
    run(sys.executable, "-m", "venv", "--without-pip", fresh)
    python = fresh / "bin" / "python"
    run(sys.executable, "-m", "pip", "-q", "--python", python, "install", "--no-index", "--no-deps", wheel)
    purelib = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip())
    (purelib / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    assert Path(run(python, "-c", "import rustalk; print(rustalk.__file__)").strip()).is_relative_to(fresh)
    assert (purelib / PLUGIN).is_file()
    twistd = "import sys; from twisted.scripts.twistd import run; sys.argv = ['twistd', '--help']; run()"
    assert "rustalk" in run(python, "-c", twistd)
    assert "check-config" in run(fresh / "bin" / "rustalk", "--help")

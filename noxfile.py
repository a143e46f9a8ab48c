"""Everything that is checked before a change is done: ``nox`` for the usual, ``nox --list`` for all of it.

Rule of this file: a session installs what it needs from the groups of pyproject.toml, and writes nothing into the
checkout but what .gitignore names.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import nox

sys.path.insert(0, str(Path(__file__).parent))
from tests.servers import POSTGRES_IS_MISSING, REDIS_IS_MISSING, Postgres, Redis

if TYPE_CHECKING:
    from collections.abc import Mapping

nox.needs_version = ">=2025.2.9"
nox.options.sessions = ["tests", "lint", "typing", "docs"]
nox.options.reuse_existing_virtualenvs = True

ROOT = Path(__file__).parent
PYPROJECT = nox.project.load_toml(ROOT / "pyproject.toml")
EXTRAS = ".[async,cli,postgres]"
USERS = ("tests/typing", "docs/examples")

# What a wheel is of no use without, as patterns below slackrunbooks/.
PACKAGE_DATA = ("py.typed", "runbooks/*.yaml", "data/**/*", "testing/*.json")


def _works(python: str) -> bool:
    """Tell whether an interpreter is there and starts; the shim of a version manager may be there and not start."""
    if shutil.which(python) is None:
        return False
    return (
        subprocess.run([python, "-c", ""], capture_output=True, check=False, stdin=subprocess.DEVNULL).returncode == 0
    )


SUPPORTED = nox.project.python_versions(PYPROJECT)
# Missing Pythons are left out rather than skipped one by one; to insist on one, name it: nox -s tests-3.14
FOUND = [version for version in SUPPORTED if _works(f"python{version}")] or [
    f"{sys.version_info[0]}.{sys.version_info[1]}"
]
# Branches are measured on the newest one. Before 3.12 a thread that starts while another starts may fail under
# measurement ("Cannot install a trace function while another trace function is being installed"), and the tests have
# thousands of threads.
NEWEST = max(FOUND, key=lambda version: tuple(map(int, version.split("."))))
IS_MEASURED = tuple(map(int, NEWEST.split("."))) >= (3, 12)


def _install_group(session: nox.Session, *groups: str) -> None:
    session.install(*nox.project.dependency_groups(PYPROJECT, *groups))


def _build_wheel(session: nox.Session) -> Path:
    """Build the source archive, and from it the wheel, as an index would get them."""
    session.install("build")
    target = Path(session.create_tmp()).resolve() / "dist"
    shutil.rmtree(target, ignore_errors=True)
    session.run("python", "-m", "build", "--outdir", str(target), str(ROOT), silent=True)
    return next(target.glob("*.whl"))


@nox.session(python=FOUND)
def tests(session: nox.Session) -> None:
    """Run the test suite; on the newest Python measure its branches, but not with arguments for pytest."""
    session.install("-e", EXTRAS)
    _install_group(session, "test")
    if session.posargs or not (IS_MEASURED and session.python == NEWEST):
        session.run("pytest", *session.posargs)
        return
    _measure(session, f".coverage.{session.python}")
    session.notify("coverage")


def _measure(session: nox.Session, data: str, *tests: str, **environment: str) -> None:
    """Run tests and keep which branches they took."""
    environment["COVERAGE_FILE"] = str(ROOT / data)
    session.run("coverage", "erase", env=environment)
    session.run("coverage", "run", "-m", "pytest", *tests, env=environment)


@nox.session
def npm(session: nox.Session) -> None:
    """Let Slack's own client for Node.js judge the fake workspace, over HTTP on 127.0.0.1."""
    session.install("-e", EXTRAS)
    folder = Path(session.create_tmp()).resolve() / "npm"
    folder.mkdir(exist_ok=True)
    for name in ("package.json", "script.mjs"):
        shutil.copy(ROOT / "tests" / "npm" / name, folder)
    with session.chdir(folder):
        session.run("npm", "install", "--no-package-lock", "--no-audit", "--no-fund", "--silent", external=True)
    session.run("python", str(ROOT / "tests" / "npm" / "run.py"), str(folder))


@nox.session(python=NEWEST)
def postgres(session: nox.Session) -> None:
    """Run the tests of the journals on a PostgreSQL server of their own; where CI is set, one must be there."""
    _require_servers(session, {POSTGRES_IS_MISSING: Postgres.programs()})
    session.install("-e", EXTRAS)
    _install_group(session, "test")
    tests = session.posargs or ["tests/test_stores.py", "tests/test_journal.py", "tests/test_runs_in_time.py"]
    with Postgres() as server:
        if IS_MEASURED:
            _measure(session, ".coverage.postgres", *tests, SLACKRUNBOOKS_TEST_POSTGRES=server.dsn)
        else:
            session.run("pytest", *tests, env={"SLACKRUNBOOKS_TEST_POSTGRES": server.dsn})


@nox.session
def celery(session: nox.Session) -> None:
    """Kill Celery workers that share a Redis and a PostgreSQL of their own, a few; arguments go to the campaign."""
    _require_servers(session, {REDIS_IS_MISSING: Redis.program(), POSTGRES_IS_MISSING: Postgres.programs()})
    session.install("-e", ".[async,celery,cli,postgres]")
    _install_group(session, "test")
    session.run("pytest", "tests/test_celery.py")
    short = ["--kills=5", "--runs=12", "--frozen=1", "--redis=1", "--postgres=1", "--limit=180"]
    session.run("python", "tests/campaigns/test_celery_kills.py", *(session.posargs or short))


def _require_servers(session: nox.Session, programs: Mapping[str, object]) -> None:
    """Skip a session whose servers are missing, or let it fail where CI is set."""
    told = "; ".join(told for told, program in programs.items() if program is None)
    if told and os.environ.get("CI"):
        session.error(told)
    if told:
        session.skip(told)


@nox.session
def coverage(session: nox.Session) -> None:
    """Put the measurements of the tests and of PostgreSQL's together and hold the limit set in pyproject.toml."""
    _install_group(session, "test")
    session.run("coverage", "combine")
    session.run("coverage", "report")


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and format."""
    _install_group(session, "lint")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def typing(session: nox.Session) -> None:
    """Check the types of the package, and of the examples as those see them who installed the wheel."""
    wheel = _build_wheel(session)
    away = wheel.parent.parent / "away"
    _install_group(session, "typing")
    session.install("-e", EXTRAS)
    session.run("mypy", *_with_source(ROOT, "slackrunbooks", *USERS))
    session.run("pyright", "--pythonpath", _python(session))

    # A wheel in place of the checkout, and away from it, so that `slackrunbooks` can only be the installed one.
    session.run("python", "-m", "pip", "uninstall", "--yes", "slackrunbooks", silent=True)
    session.install("--no-deps", str(wheel))
    shutil.rmtree(away, ignore_errors=True)
    for folder in USERS:
        shutil.copytree(ROOT / folder, away / folder)
    shutil.copy(ROOT / "pyproject.toml", away)
    with session.chdir(away):
        session.run("mypy", *_with_source(away, *USERS))
        session.run("pyright", "--pythonpath", _python(session))


def _with_source(root: Path, *folders: str) -> list[str]:
    """Leave out the folders that have no Python in them, which mypy refuses and pyright does not mind."""
    return [folder for folder in folders if any((root / folder).rglob("*.py"))]


def _python(session: nox.Session) -> str:
    return str(Path(session.bin) / "python")


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation into docs/_build/html; a warning is an error."""
    session.install("-e", EXTRAS)
    _install_group(session, "docs")
    target = ROOT / "docs" / "_build"
    session.run(
        "sphinx-build", "-W", "--keep-going", "-E", "-q", "-b", "html", "-d", str(target / "doctrees"), "docs",
        str(target / "html"),
    )  # fmt: skip
    session.log("read it at docs/_build/html/index.html")


@nox.session
def wheel(session: nox.Session) -> None:
    """Build the archives, look into them, and use the wheel in an environment that has nothing else."""
    built = _build_wheel(session)
    package = ROOT / "slackrunbooks"
    wanted = {f"slackrunbooks/{path.relative_to(package).as_posix()}" for path in package.rglob("*.py")}
    for pattern in PACKAGE_DATA:
        wanted |= {
            f"slackrunbooks/{path.relative_to(package).as_posix()}" for path in package.glob(pattern) if path.is_file()
        }
    with zipfile.ZipFile(built) as archive:
        _require(session, "the wheel", wanted, set(archive.namelist()))
    with tarfile.open(next(built.parent.glob("*.tar.gz"))) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
        _require(session, "the source archive", {*wanted, "README.md", "LICENSE", "noxfile.py", "docs/conf.py"}, names)

    clean = built.parent.parent / "clean"
    shutil.rmtree(clean, ignore_errors=True)
    session.run("python", "-m", "venv", str(clean), silent=True)
    python = str(clean / ("Scripts" if sys.platform == "win32" else "bin") / "python")
    with session.chdir(clean):
        # First without any extra: the library itself must need neither click nor aiohttp.
        session.run(python, "-m", "pip", "install", "--quiet", str(built), external=True)
        session.run(python, "-W", "error", "-c", "import slackrunbooks, slackrunbooks.testing", external=True)
        session.run(python, "-m", "pip", "install", "--quiet", f"{built}[cli]", external=True)
        session.run(python, "-m", "slackrunbooks", "demo", external=True)


def _require(session: nox.Session, archive: str, wanted: set[str], names: set[str]) -> None:
    missing = sorted(wanted - names)
    if missing:
        session.error(f"{archive} lacks {', '.join(missing)}")
    stray = sorted(name for name in names if "__pycache__" in name)
    if stray:
        session.error(f"{archive} has {', '.join(stray)}")


@nox.session(python=FOUND[0])
def lowest(session: nox.Session) -> None:
    """Run the test suite with the oldest dependencies that pyproject.toml allows, on the oldest Python."""
    session.install("uv")
    session.run(
        "uv", "pip", "install", "--quiet", "--python", _python(session), "--resolution", "lowest-direct", "-e", EXTRAS,
        *nox.project.dependency_groups(PYPROJECT, "test"),
    )  # fmt: skip
    session.run("pytest", *session.posargs)


@nox.session
def benchmarks(session: nox.Session) -> None:
    """Run the benchmarks, each a program that prints its own figures; arguments choose by name."""
    programs = sorted((ROOT / "tests" / "benchmarks").glob("bench_*.py"))
    if not programs:
        session.skip("there are no benchmarks: tests/benchmarks/bench_*.py")
    session.install("-e", EXTRAS)
    _install_group(session, "test")
    for program in programs:
        if any(word in program.stem for word in session.posargs or [""]):
            session.log(f"--- {program.stem}")
            session.run("python", str(program))


@nox.session
def campaigns(session: nox.Session) -> None:
    """Run the long fault campaigns, of which the test suite has a short run each."""
    if not any((ROOT / "tests" / "campaigns").glob("test_*.py")):
        session.skip("there are no campaigns: tests/campaigns/test_*.py")
    session.install("-e", EXTRAS)
    _install_group(session, "test")
    session.run("pytest", "tests/campaigns", *session.posargs)

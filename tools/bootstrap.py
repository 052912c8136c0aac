"""Set up everything filmline needs, then run one thing. Standard library only.

    python3 tools/bootstrap.py setup            virtual environment in .venv
    python3 tools/bootstrap.py demo [ARGS...]   set up, then the demonstration run
    python3 tools/bootstrap.py test [ARGS...]   set up, then every check and test
    python3 tools/bootstrap.py coverage         set up, then every branch of what decides on safety
    python3 tools/bootstrap.py mutation [NAMES] set up, then mutants of it (hours of a core for all)
    python3 tools/bootstrap.py bench            set up, then the measurements
    python3 tools/bootstrap.py lock             resolve constraints.txt again

A stamp (hash of pyproject.toml, constraints.txt and the Python version) lets reruns skip
the set-up. Debian programs that tests talk to are unpacked into .cache, never installed,
so no service is left behind and no root is needed.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
CACHE = ROOT / ".cache"
FOREIGN = ROOT / "tests" / "system" / "foreign"
# By files, in the order of tests/conftest.py.
SHARED_OUT = ("-n", "auto", "--maxprocesses", "4", "--no-loadscope-reorder")
PACKAGES = ("config", "controller", "drivers", "simulators")
PROGRAMS = {  # Debian package -> override of its path, and the program in it
    "mbpoll": ("FILMLINE_MBPOLL", "usr/bin/mbpoll"),
    "chromium": ("FILMLINE_CHROMIUM", "usr/lib/chromium/chromium"),
    "mosquitto": ("FILMLINE_MOSQUITTO", "usr/sbin/mosquitto"),
    "victoria-metrics": ("FILMLINE_VICTORIA_METRICS", "usr/bin/victoria-metrics"),
    "influxdb": ("FILMLINE_INFLUXD", "usr/bin/influxd"),
}


def main(arguments: list[str]) -> int:
    """Run the named job and return its exit code."""
    jobs = {
        "setup": setup_only, "demo": demo, "test": test, "coverage": coverage,
        "mutation": mutation, "bench": bench, "lock": lock,
    }  # fmt: skip
    if not arguments or arguments[0] not in jobs:
        print(__doc__)
        return 2
    if sys.version_info < (3, 11):  # noqa: UP036 - this file must explain itself to old Pythons
        print(f"filmline needs Python 3.11 or newer; this is {sys.version.split()[0]}")
        return 2
    return jobs[arguments[0]](arguments[1:])


def setup_only(_: list[str]) -> int:
    """Make the environment with the test tools."""
    set_up("test")
    return 0


def demo(arguments: list[str]) -> int:
    """Produce one simulated roll, with progress and a report."""
    python = set_up("run")
    return subprocess.call([python, "-m", "controller", "demo", *arguments], cwd=ROOT)


def test(arguments: list[str]) -> int:
    """Run lint, types, import contracts and tests; all of them even when one fails."""
    python = set_up("test")
    programs = unpack_programs()
    bin_dir = Path(python).parent
    checks = [
        [str(bin_dir / "ruff"), "format", "--check", "."],
        [str(bin_dir / "ruff"), "check", "."],
        [str(bin_dir / "mypy")],
        [str(bin_dir / "lint-imports")],
        [python, "tools/safety_checks.py", "coverage"],
        [python, "-m", "pytest", *SHARED_OUT, *arguments],
    ]
    failed = [command for command in checks if run(command, programs) != 0]
    for command in failed:
        print(f"FAILED: {' '.join(command)}")
    return 1 if failed else 0


def coverage(_: list[str]) -> int:
    """Run the unit tests of what decides about safety; a branch not taken is an error."""
    return run([set_up("test"), "tools/safety_checks.py", "coverage"], {})


def mutation(arguments: list[str]) -> int:
    """Try mutants of what decides about safety, all or those named."""
    return run([set_up("mutation"), "tools/safety_checks.py", "mutation", *arguments], {})


def bench(_: list[str]) -> int:
    """Measure what docs/performance.md claims."""
    python = set_up("test")
    scripts = sorted((ROOT / "bench").glob("bench_*.py"))
    return max((run([python, str(script)], {}) for script in scripts), default=0)


def lock(_: list[str]) -> int:
    """Resolve every dependency for Python 3.11 and up into constraints.txt, without addresses."""
    python = set_up("test")
    subprocess.check_call([python, "-m", "pip", "install", "-q", "uv"])
    return subprocess.call(
        [
            str(Path(python).parent / "uv"), "pip", "compile", "--universal", "-q",
            "--all-extras", "--no-emit-index-url", "--no-header", "--upgrade",
            "--python-version", "3.11", "-o", "constraints.txt", "pyproject.toml",
        ],
        cwd=ROOT,
    )  # fmt: skip


def run(command: list[str], programs: dict[str, str]) -> int:
    """Run one check with its command line shown."""
    print("+", " ".join(Path(part).name if part.startswith("/") else part for part in command))
    sys.stdout.flush()
    return subprocess.call(command, cwd=ROOT, env=os.environ | programs)


# --- environment -----------------------------------------------------------------------------


def set_up(kind: str) -> str:
    """Make the virtual environment unless its stamp is current; return its Python."""
    python = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    stamp = VENV / f".stamp-{kind}"
    wanted = fingerprint(kind)
    if python.exists() and stamp.exists() and stamp.read_text() == wanted:
        return compiled(python)
    print(f"Setting up {VENV.name} (once; a minute or so)")
    sys.stdout.flush()
    if not python.exists():
        make_venv()
    target = {"test": ".[test]", "mutation": ".[test,mutation]"}.get(kind, ".")
    installer = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    if shutil.which("uv"):
        installer = ["uv", "pip", "install", "-q", "--compile-bytecode", "--python", str(python)]
    result = subprocess.call([*installer, "-c", "constraints.txt", "-e", target], cwd=ROOT)
    if result != 0:
        print("Set-up failed: the packages of constraints.txt must be reachable from here")
        raise SystemExit(2)
    stamp.write_text(wanted)
    for less in {"test": ("run",), "mutation": ("run", "test")}.get(kind, ()):
        (VENV / f".stamp-{less}").write_text(fingerprint(less))
    return compiled(python)


def compiled(python: Path) -> str:
    """Compile our own packages, and return the Python.

    A process that may not write beside the sources would compile them at every start: a second
    of the time in which a killed service is back.
    """
    subprocess.call([str(python), "-m", "compileall", "-q", *PACKAGES], cwd=ROOT)
    return str(python)


def make_venv() -> None:
    """Make .venv; a bare Debian python3 has no ensurepip, so say what is missing."""
    if subprocess.call([sys.executable, "-m", "venv", str(VENV)]) != 0:
        shutil.rmtree(VENV, ignore_errors=True)
        print("python3 -m venv failed; on Debian: apt-get install python3-venv")
        raise SystemExit(2)


def fingerprint(kind: str) -> str:
    """Hash of everything the environment depends on."""
    digest = hashlib.sha256(f"{kind} {sys.version}".encode())
    for name in ("pyproject.toml", "constraints.txt"):
        digest.update((ROOT / name).read_bytes())
    return digest.hexdigest()


# --- Debian programs for tests ---------------------------------------------------------------


def unpack_programs() -> dict[str, str]:
    """Find or unpack the independent peers that tests talk to; return their paths as variables."""
    found = {}
    for package, (variable, program) in PROGRAMS.items():
        path = os.environ.get(variable) or installed(program) or unpack(package, program)
        if path is None:
            print(f"{package} is missing: apt-get install {package}, or set {variable} to its path")
            raise SystemExit(2)
        found[variable] = path
    return found | {"FILMLINE_NODE_MODULES": node_modules()}


def node_modules() -> str:
    """Install the locked npm packages of the tests into .cache; return the folder."""
    home = CACHE / "foreign"
    lock = (FOREIGN / "package-lock.json").read_text()
    stamp = home / ".stamp"
    if not stamp.exists() or stamp.read_text() != lock:
        if shutil.which("npm") is None or shutil.which("node") is None:
            print("node and npm are missing: apt-get install nodejs npm")
            raise SystemExit(2)
        print(f"Installing npm packages of the tests into {CACHE.name} (once)")
        home.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(FOREIGN / name, home)
        quiet = ["--omit=optional", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
        if subprocess.call(["npm", "ci", *quiet], cwd=home) != 0:
            print("npm ci failed: the packages of package-lock.json must be reachable from here")
            raise SystemExit(2)
        stamp.write_text(lock)
    return str(home / "node_modules")


def installed(program: str) -> str | None:
    """Path of a program that this machine has; daemons lie where a plain user does not look."""
    places = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin"))
    return shutil.which(Path(program).name, path=places)


def unpack(package: str, program: str) -> str | None:
    """Download a Debian package with the libraries missing here; unpack them into .cache."""
    home = CACHE / package
    wrapper = home / "run"
    if wrapper.exists():
        return str(wrapper)
    if shutil.which("apt-get") is None:
        return None
    debs = CACHE / f"{package}.debs"
    state = CACHE / "apt"
    for folder in (home, debs / "partial", state / "lists" / "partial"):
        folder.mkdir(parents=True, exist_ok=True)
    options = ["-o", f"Dir::State::lists={state / 'lists'}", "-o", f"Dir::Cache::archives={debs}",
               "-o", "Debug::NoLocking=1", "-qq"]  # fmt: skip
    print(f"Unpacking {package} into {CACHE.name} (once)")
    get = ["apt-get", *options]
    fetch = [*get, "-y", "--no-install-recommends", "--download-only", "install", package]
    if subprocess.call([*get, "update"]) != 0 or subprocess.call(fetch) != 0:
        return None
    for deb in sorted(debs.glob("*.deb")):
        subprocess.call(["dpkg-deb", "-x", str(deb), str(home)])
        deb.unlink()
    binary = home / program
    if not binary.exists():
        return None
    libraries = ":".join(str(path) for path in home.glob("usr/lib/*-linux-gnu*"))
    wrapper.write_text(f'#!/bin/sh\nLD_LIBRARY_PATH="{libraries}" exec "{binary}" "$@"\n')
    wrapper.chmod(0o755)
    return str(wrapper)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

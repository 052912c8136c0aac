"""Who may import whom: the contracts hold, and each one catches a planted breach."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("config", "controller", "drivers", "simulators")
PROJECT = "pyproject.toml"
TOOL = Path(sys.executable).with_name("lint-imports")
CONTRACTS = {
    contract["id"]: contract["name"]
    for contract in tomllib.loads((ROOT / PROJECT).read_text())["tool"]["importlinter"]["contracts"]
}


@dataclass(frozen=True)
class Breach:
    """An import that a contract forbids, and the module that begins it."""

    contract: str
    module: str
    imported: str


BREACHES = (
    Breach("layers", "config.units", "drivers.errors"),
    Breach("layers", "drivers.codec", "controller.errors"),
    Breach("simulators", "controller.clock", "simulators.virtual_time"),
    Breach("simulators", "drivers.backoff", "simulators.wire"),
    Breach("second-reading", "simulators.instruments.e5cc", "drivers.codec"),
    Breach("second-reading", "simulators.twin.kinetics", "controller.film.transport"),
    Breach("second-reading", "simulators.wire", "drivers.modbus"),
    Breach("controller", "controller.gate", "controller.interlocks"),
    Breach("controller", "controller.historian.store", "controller.report.facts"),
    Breach("pure", "controller.interlocks", "time"),
    Breach("pure", "controller.procedure.runner", "asyncio"),
    Breach("pure", "simulators.twin.plant", "datetime"),
    Breach("desk", "controller.operating.desk", "asyncio"),
    Breach("pymodbus", "controller.app", "pymodbus"),
    Breach("pymodbus", "simulators.wire_tcp", "serial"),
    Breach("influxdb-client", "controller.outlets.feed", "influxdb_client"),
    Breach("influxdb-client", "controller.historian.store", "urllib3"),
    Breach("aiomqtt", "controller.outlets.influx", "aiomqtt"),
    Breach("aiomqtt", "drivers.backoff", "paho"),
    Breach("argon2", "controller.operating.logins", "argon2"),
    Breach("mirrors", "controller.outlets.feed", "controller.gate"),
    Breach("outlets", "controller.outlets.mqtt", "controller.outlets.influx"),
    Breach("controller", "controller.historian.store", "controller.outlets.feed"),
)


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    """Check the contracts of the packages in a folder; that folder's packages come first."""
    return subprocess.run(
        [str(TOOL), "--cache-dir", str(folder / ".cache")],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packages in a folder where they may be spoiled."""
    folder = tmp_path_factory.mktemp("packages")
    for name in PACKAGES:
        unwanted = shutil.ignore_patterns("__pycache__", "*.toml", "*.json")
        shutil.copytree(ROOT / name, folder / name, ignore=unwanted)
    shutil.copy(ROOT / PROJECT, folder / PROJECT)
    return folder


def test_contracts_hold(copy: Path) -> None:
    done = lint(copy)
    assert done.returncode == 0, done.stdout + done.stderr
    for name in CONTRACTS.values():
        assert f"{name} KEPT" in done.stdout


def test_every_contract_has_a_planted_breach() -> None:
    assert {breach.contract for breach in BREACHES} == set(CONTRACTS)


@pytest.mark.parametrize("breach", BREACHES, ids=lambda one: f"{one.module} - {one.imported}")
def test_a_planted_breach_is_caught(copy: Path, breach: Breach) -> None:
    source = copy / Path(*breach.module.split(".")).with_suffix(".py")
    sound = source.read_text("utf-8")
    source.write_text(f"{sound}\nimport {breach.imported}\n", "utf-8")
    try:
        done = lint(copy)
    finally:
        source.write_text(sound, "utf-8")
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"{CONTRACTS[breach.contract]} BROKEN" in done.stdout
    assert f"{breach.module} -> {breach.imported}" in done.stdout

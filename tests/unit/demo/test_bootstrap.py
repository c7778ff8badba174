from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from demo import bootstrap


@pytest.fixture(autouse=True)
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in a clone of its own, set up for the demo."""
    for lock in ("requirements.lock", "requirements-dev.lock", "requirements-embedded.lock"):
        (tmp_path / lock).write_text(lock)
    monkeypatch.setattr(bootstrap, "ROOT", tmp_path)
    monkeypatch.setattr(bootstrap, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(bootstrap, "has_postgresql", lambda: True)
    monkeypatch.setattr(bootstrap, "NEEDS", {"run": (), "test": ()})
    (tmp_path / bootstrap.NODE_LOCK).parent.mkdir(parents=True)
    (tmp_path / bootstrap.NODE_LOCK).write_text("lock of npm")
    (tmp_path / bootstrap.NODE_LOCK).with_name("package.json").write_text("{}")
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "python").symlink_to(sys.executable)
    (tmp_path / ".venv" / "pyvenv.cfg").write_text("version = 3.11.2")
    bootstrap.stamp_of("requirements.lock").touch()
    return tmp_path


def test_clone_is_ready_when_its_lock_is_installed() -> None:
    assert bootstrap.is_ready("run")
    assert not bootstrap.is_ready("test")


def test_clone_is_ready_for_the_demo_when_the_lock_of_the_tests_is_installed() -> None:
    bootstrap.stamp_of("requirements.lock").unlink()
    bootstrap.stamp_of("requirements-dev.lock").touch()
    assert bootstrap.is_ready("run")
    bootstrap.stamp_of(bootstrap.NODE_LOCK).touch()
    assert bootstrap.is_ready("test")


@pytest.mark.parametrize(("answer", "is_ready"), [("exit 0", True), ("exit 1", False)])
def test_clone_is_ready_for_the_tests_when_npm_has_brought_its_packages(
    clone: Path, monkeypatch: pytest.MonkeyPatch, answer: str, is_ready: bool
) -> None:
    bootstrap.stamp_of("requirements-dev.lock").touch()
    assert not bootstrap.is_ready("test")
    programs = clone / "programs"
    programs.mkdir()
    monkeypatch.setenv("PATH", str(programs))
    bootstrap.install_node_packages()  # there is no npm
    assert not bootstrap.is_ready("test")
    (programs / "npm").write_text(f'#!/bin/sh\nprintf "%s " "$PWD" "$@" >{clone}/asked\n{answer}\n')
    (programs / "npm").chmod(0o700)
    bootstrap.install_node_packages()
    assert bootstrap.is_ready("test") is is_ready
    folder = bootstrap.VENV / "node"
    assert (clone / "asked").read_text().startswith(f"{folder} ci --ignore-scripts ")
    assert (folder / "package-lock.json").read_text() == "lock of npm"


def test_clone_is_not_ready_when_its_lock_has_changed(clone: Path) -> None:
    (clone / "requirements.lock").write_text("other")
    assert not bootstrap.is_ready("run")


def test_clone_is_not_ready_when_its_python_has_changed(clone: Path) -> None:
    (clone / ".venv" / "pyvenv.cfg").write_text("version = 3.13.5")
    assert not bootstrap.is_ready("run")


def test_clone_is_not_ready_when_its_interpreter_is_gone(clone: Path) -> None:
    python = clone / ".venv" / "bin" / "python"
    python.unlink()
    python.symlink_to(clone / "uninstalled")
    assert not bootstrap.is_ready("run")


def test_clone_needs_postgresql_from_pypi_when_debian_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "has_postgresql", lambda: False)
    assert not bootstrap.is_ready("run")
    bootstrap.stamp_of("requirements-embedded.lock").touch()
    assert bootstrap.is_ready("run")


def test_missing_package_is_named_with_its_command_when_apt_is_out_of_reach(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    need = bootstrap.Need("nothing-tools", "no-such-command", "the tests of nothing")
    monkeypatch.setattr(bootstrap, "NEEDS", {"run": (), "test": (need,)})
    debian = bootstrap.Debian()
    monkeypatch.setattr(debian, "_prefix", None)
    bootstrap.install_packages("test", debian)
    line = "nothing-tools is missing, for the tests of nothing: sudo apt-get install nothing-tools"
    assert line in capsys.readouterr().out
    assert not bootstrap.is_ready("test")


@pytest.mark.parametrize("there", ["", "#!/bin/sh\nexit 104\n"])
def test_services_of_packages_start_neither_now_nor_at_a_boot_when_they_are_installed(
    clone: Path, monkeypatch: pytest.MonkeyPatch, there: str
) -> None:
    asked, policy, programs = clone / "asked", clone / "policy-rc.d", clone / "programs"
    programs.mkdir()
    for name in ("apt-get", "systemctl"):
        (programs / name).write_text(f'#!/bin/sh\necho {name} "$@" $({policy} 2>&1; echo $?) >>{asked}\n')
        (programs / name).chmod(0o700)
    if there:
        policy.write_text(there)
        policy.chmod(0o700)
    monkeypatch.setattr(bootstrap, "POLICY", policy)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    need = bootstrap.Need("listener", "no-such-command", "the tests of nothing", "listener.service listener.socket")
    monkeypatch.setattr(bootstrap, "NEEDS", {"run": (), "test": (need,)})
    debian = bootstrap.Debian()
    monkeypatch.setattr(debian, "_prefix", ("env",))
    bootstrap.install_packages("test", debian)
    _update, install, disable = asked.read_text().splitlines()
    assert install.endswith(f"install -y --no-install-recommends listener {'104' if there else '101'}")
    assert disable.startswith("systemctl disable --quiet listener.service listener.socket ")
    assert (policy.read_text() if policy.exists() else "") == there


def test_engine_is_left_alone_when_the_machine_has_one(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Docker's own packages bring dockerd, and Compose as a plugin; Debian's would take their place."""
    programs = clone / "programs"
    programs.mkdir()
    for name in ("dockerd", "slirp4netns", "docker-compose"):
        (programs / name).touch(0o700)
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.setattr(bootstrap, "NEEDS", {"compose": bootstrap.COMPOSE_NEEDS})
    monkeypatch.setattr(bootstrap, "_is_there", lambda sign: bool(shutil.which(sign)))
    asked: list[tuple[tuple[str, ...], list[str]]] = []
    debian = bootstrap.Debian()
    monkeypatch.setattr(debian, "install", lambda *packages, services: asked.append((packages, services)))
    bootstrap.install_packages("compose", debian)
    (programs / "dockerd").unlink()
    bootstrap.install_packages("compose", debian)
    services = ["docker.service", "docker.socket", "containerd.service"]
    assert asked == [(("mmdebstrap",), []), (("docker.io", "mmdebstrap"), services)]


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [("version_info", (3, 9, 2), "Python 3.11 or later"), ("maxsize", 2**31 - 1, "64-bit Raspberry Pi OS")],
)
def test_setup_stops_with_one_line_when_the_machine_will_not_do(
    monkeypatch: pytest.MonkeyPatch, name: str, value: object, message: str
) -> None:
    monkeypatch.setattr(sys, name, value)
    with pytest.raises(SystemExit, match=message):
        bootstrap.check_machine()


def test_setup_uses_the_standard_library_alone() -> None:
    program = "import sys; sys.path.insert(0, 'demo'); import bootstrap; assert not set(sys.modules) & {'demo', 'pip'}"
    root = Path(__file__).parents[3]
    subprocess.run([sys.executable, "-I", "-S", "-c", program], cwd=root, check=True)

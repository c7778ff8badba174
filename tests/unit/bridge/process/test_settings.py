from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import pytest
from pydantic import Field, SecretStr, model_validator

from bridge.process.environment import environment
from bridge.process.settings import Section, SettingsError, describe, load


class Mail(Section):
    host: str = "localhost"
    password: Annotated[SecretStr, Field(min_length=1)] | None = None


class Listener(Section):
    port: Annotated[int, Field(ge=1, le=65_535, description="The TCP port.")]
    hosts: tuple[str, ...] = ()


class Sample(Section):
    key: SecretStr = SecretStr("default")
    name: str | None = "door"
    certificate: Path = Path("/etc/door.pem")
    listen: Listener
    mail: Mail | None = None

    @model_validator(mode="after")
    def _port_is_not_ours(self) -> Sample:
        if self.listen.port == 13:
            msg = "13 brings bad luck"
            raise ValueError(msg)
        return self


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "sample.toml"
    path.write_text('name = "keep"\n[listen]\nport = 8443\n', "utf-8")
    return path


def load_sample(path: Path | None, **environ: str) -> Sample:
    return load(Sample, path, prefix="SAMPLE_", environ=environ)


def test_settings_come_from_file_and_defaults_when_the_environment_is_empty(file: Path) -> None:
    sample = load_sample(file)
    assert (sample.name, sample.listen.port, sample.listen.hosts, sample.mail) == ("keep", 8443, (), None)


@pytest.mark.story("hub/IH-017.4", "hub/DOD.4")
def test_environment_wins_when_the_file_says_otherwise(file: Path) -> None:
    assert load_sample(file, SAMPLE_LISTEN__PORT="9443", SAMPLE_NAME="door").listen.port == 9443


def test_environment_alone_is_enough_when_there_is_no_file() -> None:
    sample = load_sample(None, SAMPLE_LISTEN__PORT="1", SAMPLE_MAIL__HOST="mail", HOME="/")
    assert sample.mail == Mail(host="mail")


def test_own_environment_is_read_when_none_is_given(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAMPLE_NAME", "from the process")
    assert environment() is os.environ
    assert load(Sample, file, prefix="SAMPLE_").name == "from the process"


@pytest.mark.parametrize(("text", "hosts"), [('["a", "b"]', ("a", "b")), ("[]", ())])
def test_environment_value_is_read_as_json_when_it_is_a_list(file: Path, text: str, hosts: tuple[str, ...]) -> None:
    assert load_sample(file, SAMPLE_LISTEN__HOSTS=text).listen.hosts == hosts


def test_environment_value_is_none_when_it_says_null(file: Path) -> None:
    assert load_sample(file, SAMPLE_NAME="null").name is None


def test_environment_value_stays_text_when_it_only_looks_like_json(file: Path) -> None:
    assert load_sample(file, SAMPLE_NAME="[not json").name == "[not json"


def test_environment_replaces_the_value_when_the_file_has_no_table_there(tmp_path: Path) -> None:
    path = tmp_path / "sample.toml"
    path.write_text("listen = 7\n", "utf-8")
    assert load_sample(path, SAMPLE_LISTEN__PORT="5").listen.port == 5


@pytest.mark.story("health/US-BE-07.5", "todo/US-1.2")
def test_secret_comes_from_the_environment_when_no_credential_is_there(file: Path, tmp_path: Path) -> None:
    sample = load_sample(file, SAMPLE_KEY="from environment", CREDENTIALS_DIRECTORY=str(tmp_path))
    assert sample.key.get_secret_value() == "from environment"


@pytest.mark.story("hub/IH-017.4")
def test_credential_wins_when_the_environment_has_the_secret_too(file: Path, tmp_path: Path) -> None:
    (tmp_path / "mail.password").write_text("from systemd\n", "utf-8")
    sample = load_sample(file, SAMPLE_MAIL__PASSWORD="x", CREDENTIALS_DIRECTORY=str(tmp_path))
    assert sample.mail is not None
    assert sample.mail.password == SecretStr("from systemd")


def test_credential_is_none_when_its_file_is_empty(file: Path, tmp_path: Path) -> None:
    (tmp_path / "mail.password").write_text("\n", "utf-8")
    sample = load_sample(file, SAMPLE_MAIL__PASSWORD="from environment", CREDENTIALS_DIRECTORY=str(tmp_path))
    assert sample.mail is not None
    assert sample.mail.password == SecretStr("from environment")


@pytest.mark.story("health/US-BE-07.3")
@pytest.mark.parametrize("text", ['key = "s3cret"', 'listen = {port = 1}\n[mail]\npassword = "s3cret"'])
def test_load_refuses_without_showing_it_when_the_file_holds_a_secret(tmp_path: Path, text: str) -> None:
    path = tmp_path / "sample.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(SettingsError, match="a secret does not belong in the file") as refusal:
        load_sample(path)
    assert "s3cret" not in str(refusal.value)


def test_load_refuses_without_showing_it_when_a_secret_is_of_the_wrong_type(file: Path) -> None:
    with pytest.raises(SettingsError, match=r"^key: ") as refusal:
        load_sample(file, SAMPLE_KEY='["s3cret"]')
    assert "s3cret" not in str(refusal.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[listen]\nprot = 1", r"listen\.port: Field required\nlisten\.prot: .* did you mean listen\.port or"),
        ("colour = 1\n[listen]\nport = 1", r"colour: there is no such setting; the settings are listed in docs/"),
        ("[listen]\nport = 70000", r"listen\.port: Input should be less than or equal to 65535"),
        ("[listen]\nport = 13", r"settings: 13 brings bad luck"),
        ("[listen", r"sample\.toml: "),
    ],
)
def test_load_names_key_and_remedy_when_the_file_is_wrong(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "sample.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(SettingsError, match=message):
        load_sample(path)


def test_load_names_the_nearest_variable_when_the_environment_has_an_unknown_one(file: Path) -> None:
    with pytest.raises(SettingsError, match=r"SAMPLE_LISTEN_PORT: .* did you mean SAMPLE_LISTEN__PORT"):
        load_sample(file, SAMPLE_LISTEN_PORT="1")


def test_load_refuses_when_the_file_is_absent(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="there is no such file"):
        load_sample(tmp_path / "absent.toml")


def test_load_refuses_when_the_file_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="Is a directory"):
        load_sample(tmp_path)


def test_load_refuses_when_a_credential_is_not_text(file: Path, tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match=r"key: .*utf-8"):
        load_sample(file, CREDENTIALS_DIRECTORY=str(tmp_path))


def test_settings_refuse_a_change_when_loaded(file: Path) -> None:
    sample = load_sample(file)
    with pytest.raises(ValueError, match="frozen"):
        sample.name = "other"  # type: ignore[misc]


def test_describe_lists_every_setting_with_default_and_description() -> None:
    assert list(describe(Sample)) == [
        ("key", "(secret)", ""),
        ("name", '"door"', ""),
        ("certificate", '"/etc/door.pem"', ""),
        ("listen.port", "(required)", "The TCP port."),
        ("listen.hosts", "[]", ""),
        ("mail.host", '"localhost"', ""),
        ("mail.password", "null", ""),
    ]


def test_describe_lists_the_settings_of_a_lists_entries() -> None:
    class Several(Section):
        listeners: Annotated[tuple[Listener, ...], Field(description="All of them.")] = ()

    assert list(describe(Several)) == [
        ("listeners", "[]", "All of them."),
        ("listeners[].port", "(required)", "The TCP port."),
        ("listeners[].hosts", "[]", ""),
    ]

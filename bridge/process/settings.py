"""Typed settings: one TOML file, overridden by the environment, secrets from systemd credentials.

A settings model is a pydantic model of :class:`Section` parts. Where a value comes from, strongest first::

    $CREDENTIALS_DIRECTORY/<name>             a field typed SecretStr, <name> being section.key with '-' for '_'
    <PREFIX>SECTION__KEY=value                the environment, a list or table as JSON
    file.toml                                 never a secret
    the default in the model

An unknown key or a bad value stops the start with the key's name and what is allowed: :class:`SettingsError`,
process exit code 78 (EX_CONFIG), which systemd does not restart.
"""

from __future__ import annotations

import difflib
import json
import tomllib
import types
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError
from pydantic.fields import FieldInfo

from bridge.invalid import wrong_fields
from bridge.process.environment import environment

EXIT_CONFIG: Final = 78


class Section(BaseModel):
    """A table of settings: immutable, and refusing keys it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class SettingsError(ValueError):
    """Settings that cannot be used; the message has a line for each problem, and never a secret's value."""


S = TypeVar("S", bound=Section)


def load(
    model: type[S],
    path: Path | None,
    *,
    prefix: str,
    environ: Mapping[str, str] | None = None,
) -> S:
    """Return the settings of ``model`` from ``path`` (None: no file) and the environment.

    ``prefix`` begins the environment variables, e.g. ``DRAWBRIDGE_AGENT_``. Raises :class:`SettingsError`.
    """
    environ = environment() if environ is None else environ
    values = _read_toml(path)
    secrets = [key for key, field in _fields(model) if _is_secret(field)]
    for key in secrets:
        if _lookup(values, key) is not None:
            msg = f"{'.'.join(key)}: a secret does not belong in the file; use a systemd credential or the environment"
            raise SettingsError(msg)
    variables = {f"{prefix}{'__'.join(key)}".upper(): key for key, _ in _fields(model)}
    for name, text in environ.items():
        if not name.startswith(prefix):
            continue
        if name not in variables:
            msg = f"{name}: there is no such setting{_instead(name, variables)}"
            raise SettingsError(msg)
        _insert(values, variables[name], _from_environment(text))
    if directory := environ.get("CREDENTIALS_DIRECTORY"):
        for key in secrets:
            credential = Path(directory) / ".".join(key).replace("_", "-")
            if credential.is_file() and (secret := _read_text(credential).strip()):
                _insert(values, key, secret)  # an empty one says that there is none: a unit names all it may be given
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise SettingsError("\n".join(_problems(model, error))) from None


def _problems(model: type[Section], error: ValidationError) -> Iterator[str]:
    kinds = (item["type"] for item in error.errors(include_url=False))
    for kind, (name, what) in zip(kinds, wrong_fields(error), strict=True):
        yield _problem(model, kind, name, what)


def _problem(model: type[Section], kind: str, name: str, what: str) -> str:
    if kind == "extra_forbidden":
        return f"{name}: there is no such setting{_instead(name, ['.'.join(key) for key, _ in _fields(model)])}"
    return f"{name or 'settings'}: {what}"


def _instead(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, known)
    return f"; did you mean {' or '.join(near)}?" if near else "; the settings are listed in docs/settings.md"


def describe(model: type[Section]) -> Iterator[tuple[str, str, str]]:
    """Yield (dotted key, default as JSON, description) of every setting, for the documentation.

    The settings of a list's entries follow the list, as ``ddns.records[].name``.
    """
    for key, field in _fields(model):
        default = "(required)" if field.is_required() else _as_text(field.get_default(call_default_factory=True))
        yield ".".join(key), default, field.description or ""
        for entry in _entries_of(field.annotation):
            for inner, value, text in describe(entry):
                yield f"{'.'.join(key)}[].{inner}", value, text


def _entries_of(annotation: Any) -> Iterator[type[Section]]:
    for option in _options(annotation):
        if get_origin(option) is tuple and (section := _section_of(get_args(option)[0])) is not None:
            yield section


def _as_text(value: Any) -> str:
    if isinstance(value, SecretStr):
        return "(secret)"
    return json.dumps(value, default=str)


def _read_text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except FileNotFoundError:
        msg = f"{path}: there is no such file"
        raise SettingsError(msg) from None
    except (OSError, UnicodeDecodeError) as error:
        msg = f"{path}: {error}"
        raise SettingsError(msg) from None


def _read_toml(path: Path | None) -> dict[str, Any]:
    try:
        return {} if path is None else tomllib.loads(_read_text(path))
    except tomllib.TOMLDecodeError as error:
        msg = f"{path}: {error}"
        raise SettingsError(msg) from None


def _from_environment(text: str) -> Any:
    """Return JSON lists, tables and null as such; anything else stays text, which the model converts."""
    if text[:1] in {"[", "{"} or text == "null":
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text


def _options(annotation: Any) -> Iterator[Any]:
    """Yield the types that a value may have: ``Annotated[SecretStr, …] | None`` is SecretStr or None."""
    if get_origin(annotation) is Annotated:
        yield from _options(get_args(annotation)[0])
    elif get_origin(annotation) in {Union, types.UnionType}:
        for option in get_args(annotation):
            yield from _options(option)
    else:
        yield annotation


def _section_of(annotation: Any) -> type[Section] | None:
    return next((kind for kind in _options(annotation) if isinstance(kind, type) and issubclass(kind, Section)), None)


def _fields(model: type[Section], parents: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], FieldInfo]]:
    for name, field in model.model_fields.items():
        if (section := _section_of(field.annotation)) is not None:
            yield from _fields(section, (*parents, name))
        else:
            yield (*parents, name), field


def _is_secret(field: FieldInfo) -> bool:
    return SecretStr in _options(field.annotation)


def _lookup(values: Mapping[str, Any], key: tuple[str, ...]) -> Any:
    value: Any = values
    for name in key:
        if not isinstance(value, Mapping) or name not in value:
            return None
        value = value[name]
    return value


def _insert(values: dict[str, Any], key: tuple[str, ...], value: Any) -> None:
    for name in key[:-1]:
        if not isinstance(values.get(name), dict):  # absent, or the file has something else where a table belongs
            values[name] = {}
        values = values[name]
    values[key[-1]] = value

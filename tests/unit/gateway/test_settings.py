from __future__ import annotations

import base64
from pathlib import Path

import pytest

from bridge.process.settings import SettingsError, describe, load
from gateway.settings import PREFIX, GatewaySettings

KEY = base64.b64encode(b"k" * 32).decode()


def settings(text: str, tmp_path: Path, **environ: str) -> GatewaySettings:
    file = tmp_path / "gateway.toml"
    file.write_text(text)
    return load(GatewaySettings, file, prefix=PREFIX, environ=environ)


def test_every_setting_says_what_it_is_for() -> None:
    rows = list(describe(GatewaySettings))

    assert len(rows) > 50
    assert [key for key, _, description in rows if not description.endswith(".")] == []


def test_defaults_are_usable_when_nothing_is_set() -> None:
    made = load(GatewaySettings, None, prefix=PREFIX, environ={})

    assert made.bridge.cache.symptoms_names.fresh_s == 30.0
    assert made.chat.zone.key == "UTC"


def test_seal_key_comes_from_the_environment(tmp_path: Path) -> None:
    made = settings("", tmp_path, DRAWBRIDGE_GATEWAY_CHAT__SEAL_KEY=KEY)

    assert made.chat.seal_key is not None
    assert KEY not in repr(made)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("[chat]\ntime_zone = 'Mars'", "chat.time_zone"),
        ("[chat]\nemergency_number = 'help'", "chat.emergency_number"),
        ("[web]\ncors_origins = ['*']", "web.cors_origins.0"),
        ("[web]\ncors_origins = ['https://a.example/path']", "web.cors_origins.0"),
        ("[web]\ntrusted_hops = ['10.0.0.1/8']", "web.trusted_hops.0"),
        ("[listen]\nkey = '/k.pem'", "listen"),
        ("[listen]\nkind = 'pipe'", "listen.kind"),
        ("[bridge.breaker]\nfailed_share = 2", "bridge.breaker.failed_share"),
        ("[limits]\naccount_per_minute = 0", "limits.account_per_minute"),
        ("[log]\nhost = 'a\"b'", "log.host"),
        ("colour = 1", "colour"),
    ],
)
def test_start_is_stopped_by_name_when_a_value_is_bad(tmp_path: Path, text: str, key: str) -> None:
    with pytest.raises(SettingsError, match=rf"(?m)^{key}"):
        settings(text, tmp_path)


@pytest.mark.parametrize("key", ["", "short", base64.b64encode(b"k" * 31).decode(), "ä" * 44])
def test_seal_key_is_refused_without_being_shown_when_it_is_no_key(tmp_path: Path, key: str) -> None:
    with pytest.raises(SettingsError, match=r"chat\.seal_key: .*32 random bytes") as raised:
        settings("", tmp_path, DRAWBRIDGE_GATEWAY_CHAT__SEAL_KEY=key)

    assert not key or key not in str(raised.value)

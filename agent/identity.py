"""By what the two machines know each other: the bridge's keys, and certificates, which are renewed here for both."""

from __future__ import annotations

from typing import Final

from agent.component import Component, Handlers
from agent.settings import AgentSettings
from bridge.contracts.system import RENEW
from bridge.errors import Code, Unavailable
from bridge.keys import KeyStore
from bridge.pki import Renewal
from bridge.process.clock import Clock
from bridge.server import Answer, CallerContext, Issuer
from bridge.tls import ReloadingServerTLS, RenewalServerTLS

UNITS: Final = frozenset({"gateway", "monitor"})
"""The units of the RPI4 that may connect at all."""


class Identity(Component):
    """Raises :class:`~bridge.keys.KeysRefused` or :class:`~bridge.tls.TLSRefused` where its files cannot be used."""

    def __init__(self, settings: AgentSettings, clock: Clock) -> None:
        self._bridge = bridge = settings.bridge
        self._terms = terms = settings.certificates.terms
        self.keys = KeyStore(bridge.keys_dir)
        self.tls = ReloadingServerTLS(bridge.tls_dir, UNITS)
        self.renewal_tls = RenewalServerTLS(bridge.tls_dir, UNITS, clock, terms.renewable)
        self._issuer = None if bridge.ca_dir is None else Issuer(bridge.ca_dir, clock, terms)

    @property
    def handlers(self) -> Handlers:
        return {RENEW: _issues_none if self._issuer is None else self._issuer.renew}

    async def run(self) -> None:
        if self._issuer is not None:
            renewal = Renewal(
                self._bridge.tls_dir, self._issuer.sign, now=self._issuer.now,
                check_s=self._bridge.renew_check_s, due=self._terms.due,
            )  # fmt: skip
            await renewal.run()

    def look_at_files(self) -> None:
        self.keys.reload_if_changed()
        self.tls.reload_if_changed()
        self.renewal_tls.reload_if_changed()


async def _issues_none(_context: CallerContext, _params: object) -> Answer:
    raise Unavailable(Code.APP_DISABLED, "This agent renews no certificates: its setting bridge.ca_dir is not set")

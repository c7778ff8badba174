from __future__ import annotations

from collections.abc import Iterable

from gateway.ddns.mapping.alerts import Lasting
from gateway.ddns.mapping.state import PortStatus, off

CAUSE = "mapping.failed:443"


def failed(port: int = 443) -> PortStatus:
    return PortStatus("tcp", port, port, "none", "failed", None, None, "pcp: not allowed")


def mapped(port: int = 443) -> PortStatus:
    return PortStatus("tcp", port, port, "pcp", "mapped", "192.88.98.1", None, "")


class Looks:
    def __init__(self) -> None:
        self._lasting = Lasting()

    def causes(self, at_s: float, *statuses: PortStatus, raised: Iterable[str] = ()) -> list[tuple[str, str]]:
        alerts = self._lasting.alerts_of(statuses, set(raised), monotonic=at_s)
        return [(alert.cause, alert.severity) for alert in alerts]


def test_port_is_told_when_it_has_stayed_unmapped_for_a_quarter_of_an_hour() -> None:
    looks = Looks()

    assert looks.causes(100, failed(), mapped(80)) == []
    assert looks.causes(999, failed(), mapped(80)) == []
    assert looks.causes(1000, failed(), mapped(80)) == [(CAUSE, "warning")]
    assert looks.causes(1300, mapped(), mapped(80)) == []


def test_port_is_not_told_when_it_was_mapped_in_between() -> None:
    looks = Looks()
    for at_s, status in ((0, failed()), (600, mapped()), (700, failed())):
        looks.causes(at_s, status)

    assert looks.causes(1599, failed()) == []
    assert looks.causes(1600, failed()) == [(CAUSE, "warning")]


def test_each_port_has_an_alert_of_its_own() -> None:
    looks = Looks()
    looks.causes(0, failed())
    looks.causes(300, failed(), failed(80))

    assert looks.causes(900, failed(), failed(80)) == [(CAUSE, "warning")]
    assert looks.causes(1200, failed(), failed(80)) == [(CAUSE, "warning"), ("mapping.failed:80", "warning")]


def test_port_stays_told_when_the_service_was_restarted() -> None:
    assert Looks().causes(0, failed(), failed(80), raised=[CAUSE]) == [(CAUSE, "warning")]


def test_port_is_not_told_when_mapping_is_switched_off() -> None:
    looks = Looks()
    for at_s in (0, 9000):
        assert looks.causes(at_s, *off((443, 80)), raised=[CAUSE]) == []


def test_alert_gives_the_routers_reason() -> None:
    (alert,) = Lasting().alerts_of([failed()], {CAUSE}, monotonic=0.0)

    assert alert.summary == "the router does not map port 443"
    assert alert.detail.splitlines()[0] == "pcp: not allowed"

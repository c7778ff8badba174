"""Which addresses a mail can be sent to, and what is said of the others."""

from __future__ import annotations

import pytest

from agent.accounts.letters import Letters
from agent.mail.outbox import Outbox
from agent.settings import Mail
from bridge.errors import Invalid
from bridge.process.clock import SystemClock


@pytest.mark.parametrize(
    ("email", "said"),
    [
        (
            "jörg@example.org",
            "must be in plain letters a to z: no mail can be sent from here to an address with others",
        ),
        ("ann@exämple.org", "must have its domain in plain letters: xn--exmple-cua.org"),
        (
            "ann@ex..ämple.org",
            "must be in plain letters a to z: no mail can be sent from here to an address with others",
        ),
        ("ann@-example.org", "must be an address that mail can be sent to"),
    ],
)
def test_address_is_refused_with_what_to_write_instead_when_no_mail_can_be_sent_to_it(email: str, said: str) -> None:
    with pytest.raises(Invalid) as caught:
        Letters(Outbox(Mail(), SystemClock())).check_address(email, field="new_email")
    assert [(field.name, field.message) for field in caught.value.fields] == [("new_email", said)]


@pytest.mark.parametrize("email", ["ann@example.org", "ann@xn--exmple-cua.org", "a.b+c@d"])
def test_address_is_taken_when_mail_can_be_sent_to_it(email: str) -> None:
    Letters(Outbox(Mail(), SystemClock())).check_address(email, field="email")

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Playwright, async_playwright

from demo.appliance import ANNA, Appliance, Options
from demo.door import free_port
from demo.postgres import EmbeddedPostgres, find_binaries, home_for
from demo.processes import DemoError
from gateway.status.snapshots import Files
from tests.browser.appliance import PEOPLE, SETTINGS, Site, settings_for
from tests.browser.chromium import launched, skip_unless_installed, trust
from tests.browser.tab import Tab, opened
from tests.oidc_provider import is_installed, npm_provider


@pytest.fixture(scope="session")
def site() -> Iterator[Site]:
    """Give the running appliance."""
    skip_unless_installed()
    try:
        find_binaries()
    except DemoError as error:
        pytest.skip(str(error))
    with (
        tempfile.TemporaryDirectory(prefix="drawbridge-browser-") as folder,
        pytest.MonkeyPatch.context() as patch,
        ExitStack() as stack,
    ):
        options = Options(port=free_port(), data_dir=Path(folder) / "demo", accounts=(ANNA,))
        provider, chosen = None, dict(SETTINGS)
        if is_installed():
            url = f"https://localhost:{options.port}"
            # another site than the appliance's, for a browser: a cookie that is Strict does not come back from there
            provider = stack.enter_context(
                npm_provider(Path(folder), PEOPLE, callback=f"{url}/auth/oidc/callback", host="127.0.0.1")
            )
            chosen |= settings_for(provider, url)
        for name, value in chosen.items():
            patch.setenv(name, value)
        snapshots = Path(folder) / "snapshots"
        snapshots.mkdir()
        for name, file in Files(snapshots / "monitor.json", snapshots / "ddns.json")._asdict().items():
            patch.setenv(f"DRAWBRIDGE_GATEWAY_STATUS__{name.upper()}_FILE", str(file))
        try:
            with Appliance(options, lambda _: None) as appliance:
                yield Site.start(appliance, options, snapshots, provider)
        finally:
            EmbeddedPostgres(home_for(options.data_dir)).remove()


@pytest.fixture(scope="session")
def _owner(site: Site) -> None:
    """Let there be an administrator."""
    site.add_owner()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def playwright() -> AsyncIterator[Playwright]:
    skip_unless_installed()
    async with async_playwright() as playwright:
        yield playwright


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser(
    playwright: Playwright, site: Site, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Browser]:
    """Give a browser that trusts the appliance's CA."""
    home = tmp_path_factory.mktemp("home")
    trust(home, *site.ca_files)
    async with launched(playwright, home) as browser:
        yield browser


@pytest_asyncio.fixture(loop_scope="session")
async def visitor(browser: Browser, site: Site) -> AsyncIterator[Tab]:
    """Give the tab of somebody who has not signed in."""
    async with opened(browser, site) as tab:
        yield tab


@pytest_asyncio.fixture(loop_scope="session")
async def anna(browser: Browser, site: Site) -> AsyncIterator[Tab]:
    """Give the tab of the demo's account, signed in."""
    async with opened(browser, site) as tab:
        await tab.sign_in()
        yield tab

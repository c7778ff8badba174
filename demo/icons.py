"""Draw the install manifest's PNG icons from ``icon.svg`` with Chromium: ``python -m demo.icons``.

Some launchers take no SVG. The maskable one has its picture within the safe zone, four fifths of the width, and its
colour up to the edges. https://www.w3.org/TR/appmanifest/#icon-masks
"""

from __future__ import annotations

import asyncio
import shutil
from typing import Final

from playwright.async_api import async_playwright

from gateway.web.assets import STATIC

_SAFE: Final = 0.8
_ICONS: Final = (("icon-192.png", 192, 1.0), ("icon-512.png", 512, 1.0), ("icon-maskable-512.png", 512, _SAFE))
_GROUND: Final = "#1f6f66"


async def draw() -> None:
    """Write each icon beside the SVG."""
    svg = (STATIC / "icon.svg").read_text("utf-8")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = await browser.new_page()
        for name, size, scale in _ICONS:
            ground = _GROUND if scale < 1 else "transparent"
            await page.set_viewport_size({"width": size, "height": size})
            await page.set_content(
                f"<style>html {{ background: {ground} }} body {{ margin: {size * (1 - scale) / 2}px }}"
                f" svg {{ display: block; width: {size * scale}px }}</style>{svg}"
            )
            await page.screenshot(path=STATIC / name, omit_background=True)
        await browser.close()


if __name__ == "__main__":
    asyncio.run(draw())

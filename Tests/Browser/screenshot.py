"""Takes the README's picture: `screenshot.py FILE QUESTION`; see Scripts/screenshot."""

import sys

from conftest import Server, launch
from playwright.sync_api import expect, sync_playwright


def take(file: str, question: str) -> None:
    server = Server("providers.demo.words_per_second=100")
    try:
        with sync_playwright() as playwright:
            browser = launch(playwright)
            page = browser.new_page(viewport={"width": 1000, "height": 765}, device_scale_factor=1.2)
            page.goto(server.url)
            page.get_by_label("Your message").fill(question)
            page.get_by_role("button", name="Send").click()
            expect(page.locator("article.assistant .chat")).not_to_be_empty()
            expect(page.locator("#status")).to_have_text("Ready")
            # Folded, question and answer fit one picture.
            page.locator("article.assistant summary").click()
            page.mouse.move(0, 0)
            page.screenshot(path=file)
            browser.close()
    finally:
        server.stop()


take(*sys.argv[1:])

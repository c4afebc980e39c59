// Pictures of every page for docs/screenshots, made anew by `make screenshots`: wide and dark, narrow and light.
import { mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { expect, pagesBelow, pagesOf, test } from "./support/browser.mjs";
import { ROOT } from "./support/tachograph.mjs";

/** Pictures are kept in the repository: they stay small. */
const BYTES_MAX = 250 << 10;
const FOLDER = join(ROOT, "docs/screenshots");
/** Pages below others of which there is a picture. */
const BELOW = /^\/(alerts|sessions|records)\/|^\/connect$/;

test.skip(!process.env.SCREENSHOTS, "pictures are made by `make screenshots`");

for (const [name, options] of [["dark", { colorScheme: "dark", viewport: { width: 1440, height: 810 } }], ["phone", { colorScheme: "light", viewport: { width: 390, height: 844 } }]]) {
  test.describe(name, () => {
    test.use(options);
    test("pictures of all pages", async ({ page }) => {
      test.setTimeout(300_000);
      mkdirSync(FOLDER, { recursive: true });
      const known = await pagesOf(page);
      const below = (await pagesBelow(page, known)).filter(({ name: shape }) => BELOW.test(shape));
      // Of all alerts the one that the README tells of.
      await page.goto("/alerts?filter=rule:egress.denied_post%20since:1d");
      for (const one of below.filter(({ name: shape }) => shape.startsWith("/alerts/"))) one.path = await page.locator(".queue-table tbody a").first().getAttribute("href");
      for (const { name: title, path } of [...known, ...below]) {
        const answer = await page.goto(path);
        expect.soft(answer.status(), path).toBe(200);
        if (answer.status() !== 200) continue;
        if (path === "/sql") {
          await page.goto(await page.locator(".gallery a").first().getAttribute("href"));
          await page.getByRole("button", { name: "Run" }).click();
          await expect(page.locator(".stats")).toBeVisible();
        }
        await page.evaluate(() => document.fonts.ready);
        // Pages below one of the navigation are called after its first word.
        const called = title.startsWith("/") ? `${title.split("/")[1].replace(/s$/, "")}` : title.toLowerCase().replace(/[^a-z]+/g, "-");
        const file = join(FOLDER, `${called}-${name}.png`);
        await page.screenshot({ path: file, animations: "disabled", caret: "hide" });
        expect.soft(statSync(file).size, file).toBeLessThan(BYTES_MAX);
      }
    });
  });
}

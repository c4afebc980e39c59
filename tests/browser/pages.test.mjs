// Every page of the navigation, and the first of each kind below it: in both themes, wide and narrow, with and without JavaScript.
import { AxeBuilder } from "@axe-core/playwright";
import { expect, pagesBelow, pagesOf, sticksOut, test } from "./support/browser.mjs";

const POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'";

async function all(page) {
  const pages = await pagesOf(page);
  expect(pages.length).toBeGreaterThan(5);
  return [...pages, ...await pagesBelow(page, pages)];
}

for (const colorScheme of ["dark", "light"]) {
  for (const width of [1440, 390]) {
    test.describe(`${colorScheme}, ${width} pixels wide`, () => {
      test.use({ colorScheme, viewport: { width, height: width > 1000 ? 900 : 844 } });
      test("pages have a heading, do not scroll sideways, and axe finds nothing serious", async ({ page }) => {
        test.setTimeout(300_000);
        for (const { name, path } of await all(page)) {
          await test.step(name, async () => {
            const answer = await page.goto(path);
            expect.soft(answer.status(), `${path}: the status`).toBe(200);
            if (answer.status() !== 200) return;
            await expect.soft(page.locator("h1"), `${path}: one heading`).toHaveCount(1);
            expect.soft(await sticksOut(page), `${path}: nothing sticks out`).toEqual([]);
            const { violations } = await new AxeBuilder({ page }).analyze();
            const serious = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
            const said = serious.map(({ id, nodes }) => `${id} ×${nodes.length}: ${nodes.slice(0, 3).map(({ target, failureSummary }) => `${target} (${failureSummary.split("\n")[1]?.trim()})`).join("; ")}`);
            expect.soft(said, `${path}: axe`).toEqual([]);
          });
        }
      });
    });
  }
}

test("headers are exactly the policy", async ({ page, context }) => {
  for (const { path } of [...await all(page), { path: "/login" }, { path: "/no-such-page" }]) {
    const headers = (await context.request.get(path)).headers();
    expect.soft(headers["content-security-policy"], path).toBe(POLICY);
    expect.soft(headers["x-content-type-options"], path).toBe("nosniff");
    expect.soft(headers["referrer-policy"], path).toBe("no-referrer");
    expect.soft(headers["cross-origin-opener-policy"], path).toBe("same-origin");
    expect.soft(headers["cross-origin-resource-policy"], path).toBe("same-origin");
    expect.soft(headers["permissions-policy"], path).toContain("camera=()");
    expect.soft(headers["cache-control"], path).toContain("no-store");
  }
});

test("no page has inline code or style", async ({ page, context }) => {
  for (const { path } of await all(page)) {
    const html = await (await context.request.get(path)).text();
    expect.soft(html, path).not.toMatch(/<style|<script(?![^>]*\bsrc=)/i);
    const attributes = [...html.matchAll(/<[a-z][^>]*?\s(on[a-z]+|style)=/gi)].map((match) => match[1]);
    expect.soft(attributes, path).toEqual([]);
  }
});

test("the inventory says what changed and leads to what made it so", async ({ page }) => {
  await page.goto("/inventory");
  const changes = page.getByRole("group", { name: "Changes" }).locator("tbody tr");
  const policy = changes.filter({ hasText: "/etc/claude-code/managed-settings.json" }).first();
  await expect(policy).toContainText("policy file");
  await expect(policy).toContainText(/changed\s*[0-9a-f]{16} → [0-9a-f]{16}/);
  await expect(page.getByRole("group", { name: "Things" }).locator("tbody tr").first()).toContainText("file");
  await policy.getByRole("link", { name: /^a / }).click();
  await expect(page).toHaveURL(/\/records\/events\/0\/\d+/);
  await expect(page.locator("h1")).toHaveCount(1);
});

test("spend is filtered by what costs have, and says so of anything else", async ({ page }) => {
  const words = page.getByText("Spend is filtered by team, user, workspace");
  await page.goto("/spend?filter=team:*");
  await expect(words).toHaveCount(0);
  await page.goto("/spend?filter=outcome:deny");
  await expect(words).toBeVisible();
});

test("spend shows what workspaces cost beside the calls of models, where the filter can be asked of them", async ({ page }) => {
  await page.goto("/spend?range=month");
  const section = page.locator("#compute");
  await expect(section.getByRole("heading", { name: "Workspaces" })).toBeVisible();
  await expect(section.locator(".ph p")).toHaveText(/^beside the calls of models: \d+ workspaces ran [\d\s]+\.\d hours, \$[\d\s.]+, and \$[\d\s.]+ for storage$/);
  const rows = await section.locator("tbody tr").allInnerTexts();
  expect(rows.length).toBe(4);
  for (const row of rows) expect(row).toMatch(/^\w+\s+\d+\s[\d\s]+\.\d\s[\d\s]+\.\d+\s[\d\s]+\.\d+\s[\d\s]+\.\d+$/);
  await section.getByRole("link").first().click();
  await expect(page).toHaveURL(/team=/);
  await expect(section.locator("tbody tr")).toHaveCount(1);
  await page.goto("/spend?range=month&filter=session:*");
  await expect(section).toContainText("not shown for this filter");
  await page.goto("/spend?range=month&team=nobody");
  await expect(section).toHaveCount(0);
});

test("the first page is small and soon there", async ({ page }) => {
  const begun = Date.now();
  await page.goto("/", { waitUntil: "load" });
  await expect(page.locator("#agents tbody tr").first()).toBeVisible();
  const took = Date.now() - begun;
  const bytes = await page.evaluate(() => [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")].reduce((sum, entry) => sum + entry.decodedBodySize, 0));
  console.log(`    first page: ${took} ms until its first agent is seen, ${Math.round(bytes / 1024)} KiB uncompressed`);
  expect(bytes).toBeLessThan(1 << 20);
});

test.describe("without JavaScript", () => {
  test.use({ javaScriptEnabled: false });

  test("pages are complete", async ({ page }) => {
    for (const { path } of await pages(page)) {
      await page.goto(path);
      await expect.soft(page.locator("h1"), path).toBeVisible();
      const length = (await page.locator("#main").innerText()).length;
      expect.soft(length, `${path}: has text`).toBeGreaterThan(200);
    }
  });

  test("forms work: the filter, SQL, and a note", async ({ page }) => {
    await page.goto("/alerts");
    await page.locator("#filter").fill("severity:critical since:30d");
    await page.locator("#filter").press("Enter");
    await expect(page).toHaveURL(/filter=severity/);
    const severities = await page.locator(".queue-table .sev").allInnerTexts();
    expect(severities.length).toBeGreaterThan(0);
    expect(new Set(severities.map((word) => word.trim().toLowerCase()))).toEqual(new Set(["critical"]));
    await page.locator(".queue-table tbody a").first().click();
    await page.locator("[name=note][required]").fill("seen without JavaScript");
    await page.getByRole("button", { name: "Add note" }).click();
    await expect(page.locator(".life")).toContainText("seen without JavaScript");
    await page.goto("/sql");
    await page.locator("#sql").fill("SELECT 6 * 7 AS answer");
    await page.getByRole("button", { name: "Run" }).click();
    await expect(page.locator(".grid tbody td")).toHaveText("42");
  });

  /** Links of the navigation, without evaluating anything in the page. */
  async function pages(page) {
    await page.goto("/");
    const links = await page.locator("nav[aria-label=Pages] li a").all();
    return Promise.all(links.map(async (link) => ({ path: await link.getAttribute("href") })));
  }
});

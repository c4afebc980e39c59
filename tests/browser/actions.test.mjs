// What people do in the console: work on alerts, hide them, filter, ask, and find their way with the keyboard alone.
import { expect, test } from "./support/browser.mjs";

/** The address of an open alert, whatever its rule. */
async function openAlert(page, at = 0) {
  await page.goto("/alerts?filter=status:open");
  return page.locator(".queue-table tbody a").nth(at).getAttribute("href");
}

const status = (page) => page.locator("article .marks .st");

test("an alert is acknowledged, assigned, noted, resolved with a reason, and opened again", async ({ page }) => {
  const path = await openAlert(page);
  await page.goto(path);
  await expect(status(page)).toHaveText(/^open$/i);
  await page.getByRole("button", { name: /^Acknowledge/ }).click();
  await expect(status(page)).toHaveText(/^acknowledged$/i);
  const assign = page.locator("form#assign");
  await assign.locator("[name=assignee]").fill("r.ibarra");
  await assign.getByRole("button", { name: "Assign" }).click();
  await expect(page.locator(".actbar")).toContainText("r.ibarra");
  await page.locator("[name=note][required]").fill("asking the owner <b>now</b>");
  await page.getByRole("button", { name: "Add note" }).click();
  await expect(page.locator(".life")).toContainText("asking the owner <b>now</b>");
  const resolve = page.locator("form", { has: page.locator("[value=true_positive]") }).last();
  await resolve.locator("[value=benign]").check();
  await resolve.locator("[name=note]").fill("meant to be");
  await resolve.getByRole("button", { name: "Resolve" }).click();
  await expect(status(page)).toHaveText(/closed/i);
  await expect(page.locator(".life")).toContainText("meant to be");
  await page.getByRole("button", { name: "Open again" }).click();
  await expect(status(page)).toHaveText(/^open$/i);
});

test("what somebody else changed meanwhile is not overwritten", async ({ page, context, guard }) => {
  guard.allow(/409 \(Conflict\)/);
  const path = await openAlert(page);
  await page.goto(path);
  const other = await context.newPage();
  await other.goto(path);
  await other.locator("[name=note][required]").fill("from another tab");
  await other.getByRole("button", { name: "Add note" }).click();
  await expect(other.locator(".life")).toContainText("from another tab");
  const resolve = page.locator("form", { has: page.locator("[value=true_positive]") }).last();
  await resolve.locator("[value=false_positive]").check();
  await resolve.getByRole("button", { name: "Resolve" }).click();
  await page.goto(path);
  await expect(status(page)).toHaveText(/^open$/i);
});

test("a silence is previewed, begins, and is ended", async ({ page }) => {
  const path = await openAlert(page);
  await page.goto(path);
  const form = page.locator("form", { has: page.locator("[name=matcher]") });
  await form.locator("[name=reason]").fill("planned work");
  await form.getByRole("button", { name: /would have hidden/ }).click();
  await expect(page.locator(".preview")).toContainText(/Would have hidden [1-9]\d* alert/);
  await expect(form.locator("[name=reason]")).toHaveValue("planned work");
  await form.getByRole("button", { name: "Silence", exact: true }).click();
  await page.goto("/silences");
  const row = page.locator("main tbody tr", { hasText: "planned work" });
  await expect(row).toHaveCount(1);
  await row.getByRole("button", { name: "End now" }).click();
  await expect(page.locator("main tbody tr", { hasText: "planned work" })).toHaveCount(0);
  await page.goto("/silences?all=true");
  await expect(page.locator("main tbody tr", { hasText: "planned work" })).toHaveCount(1);
});

test("a maintenance window is previewed and begins", async ({ page }) => {
  await page.goto("/silences");
  const form = page.locator("form.grid-form");
  await form.locator("[value=maintenance]").check();
  await form.locator("[name=matchers]").fill("rule=loop.*");
  await form.locator("[name=reason]").fill("load test");
  const local = (hours) => new Date(Date.now() + hours * 3_600_000).toISOString().slice(0, 16);
  await form.locator("[name=starts]").fill(local(1));
  await form.locator("[name=ends]").fill(local(3));
  await form.getByRole("button", { name: /would have hidden/ }).click();
  await expect(form).toContainText(/\d+ alerts? of the last 7 days/);
  await form.getByRole("button", { name: "Begin" }).click();
  await expect(page.locator("main tbody tr", { hasText: "load test" })).toHaveCount(1);
});

test("all alerts of a filter are acknowledged at once", async ({ page }) => {
  await page.goto("/alerts?filter=status:open%20severity:medium");
  const before = await page.locator(".queue-table tbody tr").count();
  expect(before).toBeGreaterThan(0);
  await page.locator("details.bulk summary").click();
  await page.getByRole("button", { name: "Acknowledge all" }).click();
  await page.goto("/alerts?filter=status:open%20severity:medium");
  await expect(page.locator(".queue-table tbody tr")).toHaveCount(0);
});

/** The filter of a page: a mistake says what is possible, and what is filtered can be asked as SQL. */
async function filters(page, guard, path) {
  guard.allow(/400 \(Bad Request\)/);
  await page.goto(path);
  await page.locator("#filter").fill("teem:payments");
  await page.locator("#filter").press("Enter");
  await expect(page.locator("main")).toContainText(/team/);
  await page.goto(`${path}?filter=${encodeURIComponent("team:payments since:30d")}`);
  await expect(page.locator("#filter")).toHaveValue("team:payments since:30d");
  await page.locator("form.filter a", { hasText: "Open as SQL" }).click();
  await expect(page.locator("#sql")).toHaveValue(/payments/);
}

for (const path of ["/alerts", "/egress", "/spend"]) {
  test(`the filter of ${path} is of the one grammar`, async ({ page, guard }) => {
    await filters(page, guard, path);
  });
}

test("the fleet is narrowed to a team and a state", async ({ page }) => {
  await page.goto("/");
  const all = await page.locator("#agents tbody tr").count();
  await page.locator(".head .acts a", { hasText: "payments" }).click();
  await expect(page).toHaveURL(/team=payments/);
  const teams = await page.locator("#agents tbody td:nth-child(2) small > span:first-child").allInnerTexts();
  expect(teams.length).toBeLessThan(all);
  expect(new Set(teams)).toEqual(new Set(["payments"]));
  // Who tells of each agent stands beside its team.
  await expect(page.locator("#agents tbody .seen").first()).toHaveAttribute("aria-label", /^Told by .*gateway/);
});

test("a statement runs, a mistake is explained, and every query of the gallery gives rows", async ({ page, guard }) => {
  test.setTimeout(300_000);
  guard.allow(/400 \(Bad Request\)/);
  await page.goto("/sql");
  await page.locator("#sql").fill("SELECT time, host FROM egres");
  await page.keyboard.press("Control+Enter");
  await expect(page.locator("[role=alert]")).toContainText(/egres/);
  await page.goto("/sql");
  const queries = await page.locator(".gallery a").evaluateAll((links) => links.map((link) => ({ name: link.textContent, path: link.getAttribute("href") })));
  expect(queries.length).toBeGreaterThanOrEqual(25);
  for (const { name, path } of queries) {
    await page.goto(path);
    await page.getByRole("button", { name: "Run" }).click();
    await expect.soft(page.locator(".stats"), name).toBeVisible();
    await expect.soft(page.locator("[role=alert]"), name).toHaveCount(0);
  }
});

test("an export comes with a manifest that says what it is", async ({ page }) => {
  await page.goto(`/sql?sql=${encodeURIComponent("SELECT seq, kind FROM events ORDER BY seq LIMIT 1000")}`);
  for (const format of ["ndjson", "parquet", "arrow"]) {
    await page.locator("#export").getByRole("button", { name: format, exact: true }).click();
    const row = page.locator("[data-job]").first();
    await expect(row).toContainText(format);
    await expect(row.getByRole("link", { name: "Manifest" })).toBeVisible();
  }
  const href = await page.locator("[data-job] a", { hasText: "Manifest" }).first().getAttribute("href");
  const told = await (await page.context().request.get(href)).json();
  expect(JSON.stringify(told)).toMatch(/[0-9a-f]{64}/);
  expect(JSON.stringify(told)).toContain("1000");
});

test("the theme is chosen and kept", async ({ page }) => {
  await page.goto("/");
  await page.locator("[data-themes] label", { hasText: "Light" }).click();
  await expect(page.locator("html")).toHaveAttribute("data-theme", "light");
  await page.goto("/alerts");
  await expect(page.locator("html")).toHaveAttribute("data-theme", "light");
});

test.describe("with the keyboard alone", () => {
  test("the skip link comes first and leads to the content", async ({ page }) => {
    await page.goto("/");
    await page.keyboard.press("Tab");
    await expect(page.locator(".skip")).toBeFocused();
    await expect(page.locator(".skip")).toBeInViewport();
    await page.keyboard.press("Enter");
    await expect(page.locator("#main")).toBeFocused();
  });

  test("Tab reaches every part, and what has the focus can be seen", async ({ page }) => {
    await page.goto("/alerts");
    const reached = new Set();
    for (let step = 0; step < 60; step += 1) {
      await page.keyboard.press("Tab");
      const { name, outline, hidden } = await page.evaluate(() => {
        const element = document.activeElement;
        const style = getComputedStyle(element);
        const box = element.getBoundingClientRect();
        const shown = `${style.outlineStyle} ${style.boxShadow}`;
        const parent = element.closest("form, label") && getComputedStyle(element.closest("form, label"));
        const near = parent ? `${parent.outlineStyle} ${parent.boxShadow} ${parent.borderColor}` : "";
        return { name: element.id || element.closest("nav, .railfoot, .queue, .top, .head")?.className || element.tagName, outline: `${shown} ${near}`, hidden: box.width === 0 || box.height === 0 };
      });
      reached.add(name);
      expect.soft(hidden, `${name} has the focus and no size`).toBe(false);
      expect.soft(/^none none $/.test(outline), `${name} shows that it has the focus`).toBe(false);
    }
    expect([...reached]).toEqual(expect.arrayContaining(["filter"]));
  });

  test("g and a letter go to a page, a slash to the filter, Escape away from it", async ({ page }) => {
    await page.goto("/");
    await page.keyboard.press("g");
    await page.keyboard.press("a");
    await expect(page).toHaveURL(/\/alerts/);
    await page.keyboard.press("/");
    await expect(page.locator("#filter")).toBeFocused();
    // What is typed there is text.
    await page.keyboard.type("ga");
    await expect(page.locator("#filter")).toHaveValue(/ga$/);
    await page.keyboard.press("Escape");
    await expect(page.locator("#filter")).not.toBeFocused();
  });

  test("j and k move through alerts, Enter opens one, a acknowledges it", async ({ page }) => {
    await page.goto("/alerts?filter=status:open");
    await page.keyboard.press("j");
    const links = page.locator(".queue-table tbody a");
    await expect(links.nth(0)).toBeFocused();
    if (await links.count() > 1) {
      await page.keyboard.press("j");
      await expect(links.nth(1)).toBeFocused();
      await page.keyboard.press("k");
      await expect(links.nth(0)).toBeFocused();
    }
    await page.keyboard.press("Enter");
    await expect(status(page)).toHaveText(/^open$/i);
    await page.keyboard.press("a");
    await expect(status(page)).toHaveText(/^acknowledged$/i);
  });

  test("r goes to the reasons, where arrows choose and Enter resolves", async ({ page }) => {
    await page.goto(await openAlert(page));
    await page.keyboard.press("r");
    await expect(page.locator("[name=reason][value=true_positive]")).toBeFocused();
    await page.keyboard.press("ArrowDown");
    await expect(page.locator("[name=reason][value=benign]")).toBeChecked();
    await page.keyboard.press("Enter");
    await expect(status(page)).toHaveText(/closed/i);
    await page.locator(".actbar button", { hasText: "Open again" }).focus();
    await page.keyboard.press("Enter");
    await expect(status(page)).toHaveText(/^open$/i);
  });
});

test("a cap is tried, set, taken back, and a budget is opened and closed", async ({ page }) => {
  const name = "night shift";
  await page.goto("/spend");
  const row = (budget) => page.locator("#caps tbody tr").filter({ has: page.getByRole("cell", { name: budget, exact: true }) });
  await row("web").getByRole("link", { name: "Change" }).click();
  await page.getByLabel("$", { exact: true }).fill("a lot");
  await page.getByRole("button", { name: "Try on the last 30 days" }).click();
  await expect(page.getByRole("alert").getByText("A cap is a number of dollars")).toBeVisible();
  await page.getByLabel("$", { exact: true }).fill("0.01");
  await page.getByRole("button", { name: "Try on the last 30 days" }).click();
  await expect(page.getByText("would have refused calls of")).toBeVisible();
  await page.getByRole("button", { name: "Set this cap" }).click();
  await expect(row("web").getByText("configured: 40.00")).toBeVisible();
  await row("web").getByRole("link", { name: "Change" }).click();
  await page.getByRole("button", { name: "Back to the configuration" }).click();
  await expect(row("web").getByText("configured:")).toHaveCount(0);
  await page.getByLabel("New budget").fill(name);
  await page.getByLabel("for", { exact: true }).selectOption("data");
  await page.getByLabel("$", { exact: true }).fill("1000000");
  await page.getByRole("button", { name: "Try on the last 30 days" }).click();
  await expect(page.getByText("would not have been reached")).toBeVisible();
  await page.getByRole("button", { name: "Open this budget" }).click();
  await expect(row(name).getByText("team=data")).toBeVisible();
  const answer = await page.request.post("/api/v1/query", { data: { sql: "SELECT actor FROM operations WHERE kind = 'budget.set' AND subject = 'night shift'", format: "json" }, headers: { "sec-fetch-site": "same-origin" } });
  expect((await answer.json()).rows).toHaveLength(1);
  await row(name).getByRole("link", { name: "Change" }).click();
  await page.getByRole("button", { name: "Close this budget" }).click();
  await expect(row(name)).toHaveCount(0);
});

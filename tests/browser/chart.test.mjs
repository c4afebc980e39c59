// Charts tell their values at the pointer and by keyboard, keep their sentence and their table, and libraries come only where they are used.
import { AxeBuilder } from "@axe-core/playwright";
import { expect, pagesBelow, pagesOf, sticksOut, test } from "./support/browser.mjs";

const STATEMENT = "SELECT team, outcome, count(*) AS requests FROM egress GROUP BY team, outcome ORDER BY requests DESC";
const MANY = "SELECT to_char(time, '%d %H:%M') AS minute, count(*) AS calls FROM events GROUP BY 1 ORDER BY 1 LIMIT 200";

const sql = (statement) => `/sql?sql=${encodeURIComponent(statement)}`;
const readout = (page) => page.locator(".told");

async function point(page, part) {
  const plot = page.locator(".plot .u-over").first();
  await plot.scrollIntoViewIfNeeded();
  const box = await plot.boundingBox();
  await page.mouse.move(box.x + box.width * part - 3, box.y + box.height / 2);
  await page.mouse.move(box.x + box.width * part, box.y + box.height / 2);
}

/** Colours that a chart was drawn in, and how many points of each. */
const drawn = (page) => page.locator(".plot canvas").first().evaluate((canvas) => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const found = {};
  for (let at = 0; at < data.length; at += 4) if (data[at + 3] === 255) { const key = `${data[at]},${data[at + 1]},${data[at + 2]}`; found[key] = (found[key] ?? 0) + 1; }
  return found;
});

test("a result's bars tell their rows at the pointer, in the words of the table", async ({ page }) => {
  await page.goto(sql(STATEMENT));
  const cells = await page.locator("#result tbody tr").first().locator("td").allInnerTexts();
  await expect(page.locator("figure .plot")).toHaveAttribute("role", "img");
  await expect(page.locator("figure .plot")).toHaveAttribute("aria-label", /^requests by team, \d+ rows, up to /);
  await expect(page.locator("figure > svg")).toBeHidden();
  await expect(readout(page)).toContainText("arrow keys");
  await point(page, 0.02);
  await expect(readout(page)).toHaveText(`${cells[0]}outcome ${cells[1]}requests ${cells[2]}`);
  await page.mouse.move(5, 5);
  await expect(readout(page)).toContainText("arrow keys");
  // The highest bar is as high as the picture, nearly.
  expect(Object.keys(await drawn(page)).length).toBeGreaterThan(2);
});

test("the keyboard reads one value after the other, and looks closer", async ({ page }) => {
  await page.goto(sql(MANY));
  const rows = await page.locator("#result tbody tr").count();
  expect(rows).toBeGreaterThan(30);
  const row = async (at) => (await page.locator("#result tbody tr").nth(at).locator("td").allInnerTexts()).join("calls ");
  const plot = page.locator(".plot");
  await plot.focus();
  await page.keyboard.press("ArrowRight");
  await expect(readout(page)).toHaveText(await row(0));
  await page.keyboard.press("ArrowRight");
  await expect(readout(page)).toHaveText(await row(1));
  await expect(page.locator("#announce")).toContainText("calls");
  await page.keyboard.press("End");
  await expect(readout(page)).toHaveText(await row(rows - 1));
  const whole = page.getByRole("button", { name: "Whole range" });
  await expect(whole).toBeHidden();
  await page.keyboard.press("+");
  await expect(whole).toBeVisible();
  await page.keyboard.press("Home");
  expect(await readout(page).innerText()).not.toContain((await row(0)).split("calls")[0]);
  await page.keyboard.press("0");
  await expect(whole).toBeHidden();
  await page.keyboard.press("Escape");
  await expect(readout(page)).toContainText("arrow keys");
});

test("a part that is dragged over fills the picture, and the whole comes back", async ({ page }) => {
  await page.goto(sql(MANY));
  await point(page, 0.5);
  await page.mouse.down();
  await point(page, 0.7);
  await page.mouse.up();
  await expect(page.getByRole("button", { name: "Whole range" })).toBeVisible();
  await page.getByRole("button", { name: "Whole range" }).click();
  await expect(page.getByRole("button", { name: "Whole range" })).toBeHidden();
});

test("spending tells what was spent, what is expected, and shows the same as a table", async ({ page }) => {
  await page.goto("/spend");
  await expect(page.locator(".plot")).toHaveAttribute("aria-label", await page.locator("figure > svg").first().getAttribute("aria-label"));
  await page.locator(".plot").focus();
  await page.keyboard.press("Home");
  await expect(readout(page)).toContainText("00:00");
  await expect(readout(page)).toContainText("Spent $0.00");
  await page.locator("summary", { hasText: "Table" }).click();
  const now = page.locator("#burn tr", { hasText: "now" });
  await expect(now).toHaveCount(1);
  await expect(page.locator(".head p b").first()).toHaveText(await now.locator("td").nth(1).innerText());
  for (const range of ["week", "month"]) {
    await page.goto(`/spend?range=${range}`);
    await page.locator(".plot").focus();
    await page.keyboard.press("ArrowLeft");
    await expect(readout(page)).toContainText("now");
    expect(await page.locator("#burn tbody tr").count()).toBeLessThan(200);
  }
});

test("an alert's picture tells earlier values; one that measured a single number keeps the server's picture", async ({ page }) => {
  await page.goto(`/alerts?filter=${encodeURIComponent("rule:spend.rate since:30d")}`);
  await page.locator(".queue-table tbody a").first().click();
  const rows = page.locator("#baseline tbody tr");
  await page.locator(".plot").focus();
  await page.keyboard.press("End");
  await expect(readout(page)).toContainText(`Observed`);
  await expect(readout(page)).toContainText(await page.locator("dl.kv b").first().innerText());
  await page.keyboard.press("Home");
  const first = await rows.first().locator("td").allTextContents();
  await expect(readout(page)).toHaveText(`${first[0]}spend ${first[1]}`);
  // Some rules measure a single number: there is nothing to point at, and their picture stays.
  await page.goto(`/alerts?filter=${encodeURIComponent("since:30d")}`);
  let still = 0;
  for (const path of await page.locator(".queue-table tbody a").evaluateAll((links) => links.map((link) => link.getAttribute("href")))) {
    await page.goto(path);
    const [live, all] = [await page.locator("figure[data-chart=baseline]").count(), await page.locator("figure:has(dl.kv)").count()];
    if (live || !all) continue;
    await expect(page.locator("figure:has(dl.kv) > svg")).toBeVisible();
    await expect(page.locator(".plot")).toHaveCount(0);
    still += 1;
    if (still === 2) break;
  }
  expect(still).toBeGreaterThan(0);
});

test("charts are drawn anew in the colours of the theme, and in the system's where those are forced", async ({ page }) => {
  await page.goto(sql(STATEMENT));
  await expect(page.locator(".plot canvas")).toBeVisible();
  const dark = await drawn(page);
  await page.locator(".themes label", { hasText: "Light" }).click();
  await expect.poll(async () => JSON.stringify(await drawn(page)) === JSON.stringify(dark)).toBe(false);
  expect(dark["102,117,132"]).toBeGreaterThan(100);
  expect((await drawn(page))["135,148,162"]).toBeGreaterThan(100);
  await page.emulateMedia({ forcedColors: "active" });
  await expect.poll(async () => (await drawn(page))["135,148,162"] ?? 0).toBe(0);
  const [[colour]] = Object.entries(await drawn(page)).sort((a, b) => b[1] - a[1]);
  const system = await page.evaluate(() => {
    const probe = document.createElement("i");
    document.body.append(probe);
    probe.style.color = "CanvasText";
    return getComputedStyle(probe).color.replace(/rgb\(|\)| /g, "");
  });
  expect(colour).toBe(system);
});

test("on paper the server's picture stands", async ({ page }) => {
  await page.goto("/spend");
  await expect(page.locator(".plot")).toBeVisible();
  await page.emulateMedia({ media: "print" });
  await expect(page.locator(".plot")).toBeHidden();
  await expect(page.locator("figure > svg").first()).toBeVisible();
});

test("libraries come only to the pages that use them", async ({ page }) => {
  const asked = new Map();
  page.on("request", (request) => {
    const file = /\/vendor\/(.*)$/.exec(request.url())?.[1];
    if (file) asked.get(asked.current)?.add(file);
  });
  const pages = await pagesOf(page);
  for (const { path } of [...pages, ...await pagesBelow(page, pages), { path: sql("SELECT 1") }, { path: sql(STATEMENT) }]) {
    asked.current = path;
    asked.set(path, new Set());
    await page.goto(path, { waitUntil: "networkidle" }).catch(() => page.waitForTimeout(1000));
    const [hasEditor, hasChart] = [await page.locator(".editor").count() > 0, await page.locator("[data-chart]").count() > 0];
    const expected = [...hasEditor ? ["codemirror.js"] : [], ...hasChart ? ["uplot.css", "uplot.js"] : []];
    expect.soft([...asked.get(path)].sort(), path).toEqual(expected);
  }
  expect([...asked.get("/sql")]).toEqual(["codemirror.js"]);
  expect([...asked.get("/")]).toEqual([]);
  expect(asked.get("/spend").has("uplot.js")).toBe(true);
});

for (const colorScheme of ["dark", "light"]) {
  test.describe(`${colorScheme}, narrow`, () => {
    test.use({ colorScheme, viewport: { width: 390, height: 844 } });
    test("charts fit, and axe finds nothing serious", async ({ page }) => {
      for (const path of [sql(MANY), "/spend", "/spend?range=month"]) {
        await page.goto(path);
        await expect(page.locator(".plot canvas")).toBeVisible();
        await page.locator(".plot").focus();
        await page.keyboard.press("End");
        expect(await sticksOut(page), path).toEqual([]);
        const { violations } = await new AxeBuilder({ page }).analyze();
        expect(violations.filter(({ impact }) => impact === "serious" || impact === "critical"), path).toEqual([]);
      }
    });
  });
}

test.describe("without JavaScript", () => {
  test.use({ javaScriptEnabled: false });
  test("pictures and tables are the server's", async ({ page }) => {
    await page.goto("/spend");
    await expect(page.locator("figure > svg[role=img]").first()).toBeVisible();
    await page.locator("summary", { hasText: "Table" }).click();
    await expect(page.locator("#burn")).toContainText("now");
  });
});

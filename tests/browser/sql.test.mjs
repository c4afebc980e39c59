// The editor of the SQL page: typing, completion and running by keyboard alone, mistakes where they are, and a way out.
import { AxeBuilder } from "@axe-core/playwright";
import { expect, sticksOut, test } from "./support/browser.mjs";

const open = async (page, statement) => {
  await page.goto(statement === undefined ? "/sql" : `/sql?sql=${encodeURIComponent(statement)}`);
  const editor = page.getByRole("textbox", { name: "Query" }).and(page.locator(".cm-content"));
  await expect(editor).toBeVisible();
  return editor;
};
const completions = (page) => page.locator(".cm-tooltip-autocomplete");
/** Takes the completion that is chosen. The list takes no key in its first moment, so that whoever types on is not interrupted. */
async function take(page, key = "Enter") {
  await page.waitForTimeout(200);
  await page.keyboard.press(key);
}
const written = (page) => page.locator("#sql").inputValue();
const focused = (page) => page.evaluate(() => {
  let element = document.activeElement;
  while (element?.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
  return element?.className.split(" ")[0] || element?.tagName;
});

test("a statement is typed, a column is completed, and it runs, all by keyboard", async ({ page }) => {
  const editor = await open(page);
  await editor.focus();
  await page.keyboard.type("select 1 from egr");
  await expect(completions(page).locator("[aria-selected]")).toContainText("egress");
  await take(page);
  await page.keyboard.type(" e where e.outc");
  await expect(completions(page).locator("[aria-selected]")).toContainText("outcome");
  await expect(completions(page).locator("[aria-selected]")).toContainText("text");
  await take(page, "Tab");
  await page.keyboard.type(" = 'deny'");
  await page.keyboard.press("Home");
  for (let step = 0; step < "select ".length; step += 1) await page.keyboard.press("ArrowRight");
  await page.keyboard.press("Delete");
  // Columns of the tables that the statement names, without a dot before them.
  await page.keyboard.type("workspace_n");
  await expect(completions(page).locator("[aria-selected]")).toContainText("egress");
  await take(page);
  expect(await written(page)).toBe("select workspace_name from egress e where e.outcome = 'deny'");
  await page.keyboard.press("Control+Enter");
  await expect(page.locator(".stats")).toBeVisible();
  expect(new URL(page.url()).searchParams.get("sql")).toBe("select workspace_name from egress e where e.outcome = 'deny'");
  expect(await page.locator("#result tbody tr").count()).toBeGreaterThan(0);
});

test("functions and words are completed, and nothing inside of a text", async ({ page }) => {
  const editor = await open(page);
  await editor.focus();
  await page.keyboard.type("SELECT date_tru");
  await expect(completions(page).locator("[aria-selected]")).toContainText("date_trunc");
  await expect(page.locator(".cm-completionInfo")).toContainText("date_trunc(");
  await take(page);
  await page.keyboard.type("'day', time");
  expect(await written(page)).toBe("SELECT date_trunc('day', time)");
  await page.keyboard.press("End");
  await page.keyboard.type(" GROU");
  await expect(completions(page).locator("[aria-selected]")).toContainText("GROUP BY");
  await take(page);
  await page.keyboard.type(" 'outc");
  await page.waitForTimeout(400);
  await expect(completions(page)).toHaveCount(0);
});

test("words of the language stand out, and columns that are called like words of others do not", async ({ page }) => {
  const editor = await open(page, "SELECT time, host, method FROM egress WHERE outcome = 'deny'");
  const bold = await editor.evaluate((content) => [...content.querySelectorAll(".cm-line span")].filter((part) => Number(getComputedStyle(part).fontWeight) >= 600).map((part) => part.textContent));
  expect(bold).toEqual(["SELECT", "FROM", "WHERE"]);
});

test("what is typed is undone and done again, also over a selection", async ({ page }) => {
  const editor = await open(page, "SELECT 1");
  await editor.focus();
  await page.keyboard.press("Control+a");
  await page.keyboard.type("SELECT 2 AS two");
  await page.keyboard.press("Escape");
  expect(await written(page)).toBe("SELECT 2 AS two");
  await editor.focus();
  for (let step = 0; step < 20 && await written(page) !== "SELECT 1"; step += 1) await page.keyboard.press("Control+z");
  expect(await written(page)).toBe("SELECT 1");
  for (let step = 0; step < 20 && await written(page) !== "SELECT 2 AS two"; step += 1) await page.keyboard.press("Control+y");
  expect(await written(page)).toBe("SELECT 2 AS two");
});

for (const { what, statement, marked, words } of [
  { what: "the parser", statement: "SELECT time\nFROM egress\nWHERE outcome outcome = 'deny'", marked: "outcome", words: /Line: 3, Column: 15/ },
  { what: "the planner", statement: "\n\n  SELECT time,\n         nothing_such\n  FROM egress", marked: "nothing_such", words: /No field named nothing_such\. It stands at Line: 4, Column: 10/ },
  { what: "the parser, after signs of two units", statement: "SELECT '🔑🔑' AS key key2 FROM egress", marked: "key2", words: /Line: 1, Column: 20/ },
]) {
  test(`a mistake that ${what} finds is marked where it is`, async ({ page }) => {
    const editor = await open(page, statement);
    await expect(page.locator("[role=alert]")).toContainText(words);
    await expect(page.locator(".cm-lintRange-error")).toHaveText(marked);
    await expect(page.locator(".cm-lint-marker-error")).toBeVisible();
    await expect(editor).toHaveAttribute("aria-invalid", "true");
    await page.locator(".cm-lintRange-error").hover();
    await expect(page.locator(".cm-diagnostic")).toContainText(words);
    const { violations } = await new AxeBuilder({ page }).analyze();
    expect(violations.filter(({ impact }) => impact === "serious" || impact === "critical")).toEqual([]);
  });
}

test("the keyboard leaves the editor, and the page's single letters do nothing in it", async ({ page }) => {
  const editor = await open(page);
  await expect(page.locator(".editor p")).toContainText("Esc, then Tab leaves the editor");
  await editor.focus();
  await page.keyboard.type("g a . j k /");
  await page.keyboard.press("Escape");
  await page.waitForTimeout(300);
  expect(new URL(page.url()).pathname).toBe("/sql");
  await expect(page.locator("#live")).toHaveAttribute("aria-pressed", "true");
  expect(await written(page)).toBe("g a . j k /");
  // Tab is indentation, until Escape was pressed.
  await editor.focus();
  await page.keyboard.type(" 1");
  await page.keyboard.press("Tab");
  expect(await written(page)).toBe("g a . j k / 1  ");
  expect(await focused(page)).toBe("cm-content");
  await page.keyboard.press("Escape");
  await page.waitForTimeout(3000);
  await page.keyboard.press("Tab");
  expect(await focused(page)).not.toBe("cm-content");
  expect(await page.evaluate(() => Boolean(document.activeElement.closest("#export, .gallery")))).toBe(true);
  await page.keyboard.press("Shift+Tab");
  expect(await focused(page)).toBe("cm-content");
  await page.keyboard.press("Escape");
  await page.waitForTimeout(100);
  await page.keyboard.press("Shift+Tab");
  expect(await focused(page)).toBe("btn");
  // Out of it, they act.
  await page.keyboard.press("g");
  await page.keyboard.press("a");
  await expect(page).toHaveURL(/\/alerts/);
});

test("Escape closes the list first, and leaves then", async ({ page }) => {
  const editor = await open(page);
  await editor.focus();
  await page.keyboard.type("SELECT dom");
  await expect(completions(page)).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(completions(page)).toHaveCount(0);
  expect(await focused(page)).toBe("cm-content");
  await page.keyboard.press("Escape");
  expect(await focused(page)).not.toBe("cm-content");
});

test("names of the schema are put where the cursor is; the label leads to the editor; nothing is sent while it is empty", async ({ page }) => {
  await open(page);
  await page.getByRole("button", { name: "Run" }).click();
  expect(await page.locator("#sql").evaluate((field) => field.validity.valueMissing)).toBe(true);
  expect(await focused(page)).toBe("cm-content");
  await page.keyboard.type("SELECT ");
  await page.locator("#find-column").fill("bytes_out");
  await page.locator(".schema details:visible button", { hasText: /^bytes_out$/ }).first().click();
  await page.keyboard.type(" FROM events LIMIT 3");
  expect(await written(page)).toBe("SELECT bytes_out FROM events LIMIT 3");
  await page.keyboard.press("Escape");
  await page.locator("label[for=sql]").click();
  expect(await focused(page)).toBe("cm-content");
  await page.keyboard.press("Control+Enter");
  await expect(page.locator("#result tbody tr")).toHaveCount(3);
  await expect(page.locator(".schema details", { hasText: "egress" }).first()).toContainText("integer");
});

test("characters that nobody sees are boxes in the editor, too", async ({ page }) => {
  await open(page, "SELECT 'a\u202Egpj\u200B\u{e0041}'");
  await expect(page.locator(".cm-hidden")).toHaveText(["RLO", "ZWSP", "TAG A"]);
});

for (const [colorScheme, width] of [["dark", 390], ["light", 390], ["light", 1440]]) {
  test.describe(`${colorScheme}, ${width} pixels wide`, () => {
    test.use({ colorScheme, viewport: { width, height: 844 } });
    test("a list of completions fits, and axe finds nothing serious while it is open", async ({ page }) => {
      const editor = await open(page, "SELECT domain, count(*) AS refused FROM egress WHERE outcome = 'deny' GROUP BY domain ORDER BY refused DESC LIMIT 100");
      await editor.focus();
      await page.keyboard.press("Control+End");
      await page.keyboard.type("\nwork");
      await expect(completions(page)).toBeVisible();
      const box = await completions(page).boundingBox();
      expect(box.x).toBeGreaterThanOrEqual(0);
      expect(box.x + box.width).toBeLessThanOrEqual(width);
      expect(await sticksOut(page)).toEqual([]);
      const { violations } = await new AxeBuilder({ page }).analyze();
      expect(violations.filter(({ impact }) => impact === "serious" || impact === "critical")).toEqual([]);
    });
  });
}

test.describe("without JavaScript", () => {
  test.use({ javaScriptEnabled: false });
  test("the plain field is whole: a mistake is told with its place, and a statement runs", async ({ page }) => {
    await page.goto("/sql");
    await page.locator("#sql").fill("SELECT\n  nothing_such FROM egress");
    await page.getByRole("button", { name: "Run" }).click();
    await expect(page.locator("[role=alert]")).toContainText("at Line: 2, Column: 3");
    await expect(page.locator("#sql")).toHaveValue("SELECT\n  nothing_such FROM egress");
    await page.locator("#sql").fill("SELECT team, count(*) AS requests FROM egress GROUP BY team");
    await page.getByRole("button", { name: "Run" }).click();
    await expect(page.locator("#result")).toBeVisible();
    await expect(page.locator("figure svg[role=img]")).toBeVisible();
  });
});

// Text that an attacker wrote, in every field of every page: it stays text, what cannot be seen is boxed, and no host is a link.
import { expect, pagesBelow, pagesOf, test } from "./support/browser.mjs";
import { HOST, NAMES, boundaryLines, nativeRecords, tooMuch, unread } from "./support/evil.mjs";
import { World } from "./support/tachograph.mjs";

/** The largest page that anything recorded may make. */
const PAGE_BYTES_MAX = 2 << 20;

let world;

test.beforeAll(async () => {
  world = await World.make("evil");
  await world.send("native", nativeRecords());
  await world.send("coderd", boundaryLines());
  await world.send("native", unread());
  const [long, longest] = tooMuch();
  await world.send("native", [long]);
  // What is beyond a record's bound is kept with its beginning, and its sender is told.
  await expect(world.send("native", [longest])).rejects.toThrow(/413/);
});

test.afterAll(() => world?.stop());

/** What a page made of recorded text: nothing of it may be there. */
function made(page, host) {
  return page.evaluate((host) => {
    const hidden = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]|[\u{e0000}-\u{e007f}]/u;
    const faults = [];
    if (window.ran !== undefined) faults.push("a script ran");
    // Our own list of a session says its blocks' heights, and the library of charts where its parts lie; nothing else has a style of its own.
    for (const element of document.querySelectorAll("#evil, x-evil, img, iframe, object, embed, base, meta[http-equiv], body script:not([src]), [autofocus], [style]:not(.log-block, .uplot *)")) faults.push(`element: ${element.outerHTML.slice(0, 200)}`);
    for (const element of document.querySelectorAll("*")) {
      for (const { name, value } of element.attributes) {
        if (name.startsWith("on")) faults.push(`attribute: ${element.outerHTML.slice(0, 200)}`);
        // What is read out or shown must not hide anything; addresses are encoded, and a field holds what was typed.
        if (["title", "aria-label", "alt", "placeholder"].includes(name) && hidden.test(value)) faults.push(`hidden in ${name}: ${JSON.stringify(value).slice(0, 160)}`);
      }
    }
    // The editor shows what the statement says in a root of its own, with boxes as everywhere.
    const roots = [...document.querySelectorAll("*")].flatMap((element) => element.shadowRoot ?? []);
    for (const root of roots) {
      for (const element of root.querySelectorAll("#evil, x-evil, script, iframe, object, embed, a, form, [autofocus], [onerror], [onload], [onfocus]")) faults.push(`element in a root: ${element.outerHTML.slice(0, 200)}`);
    }
    const trees = [document.body, ...roots].map((root) => document.createTreeWalker(root, NodeFilter.SHOW_TEXT));
    const texts = function* () { for (const tree of trees) for (let node = tree.nextNode(); node; node = tree.nextNode()) yield node; };
    for (const node of texts()) {
      if (hidden.test(node.data) && !node.parentElement?.closest("textarea, script")) faults.push(`hidden: ${JSON.stringify(node.data).slice(0, 160)} in ${node.parentElement.outerHTML.slice(0, 80)}`);
    }
    for (const link of document.querySelectorAll("a[href], area[href], form[action], use[href], svg a")) {
      const address = link.getAttribute("href") ?? link.getAttribute("action");
      if (new URL(address, location.href).origin !== location.origin) faults.push(`link: ${address.slice(0, 160)}`);
    }
    const seen = document.getElementById("main")?.innerText ?? "";
    const at = seen.indexOf(host);
    return { faults: faults.slice(0, 12), boxes: document.querySelectorAll("main .cp").length, bare: at < 0 ? null : seen.slice(Math.max(0, at - 60), at + 40) };
  }, host);
}

test("alerts come of it", async () => {
  await expect.poll(async () => (await world.sql("SELECT DISTINCT rule FROM alerts")).rows?.length ?? 0).toBeGreaterThan(0);
});

test("on no page it becomes more than text", async ({ visit }) => {
  test.setTimeout(300_000);
  const { page, guard } = await visit(world.origin);
  const sizes = [];
  page.on("response", async (response) => {
    if (response.request().resourceType() === "document") sizes.push({ path: response.url(), bytes: (await response.body().catch(() => "")).length });
  });
  await page.goto(await world.login());
  const known = await pagesOf(page);
  const statement = "SELECT * EXCLUDE (record) FROM events ORDER BY seq DESC LIMIT 300";
  const pages = [...known, ...await pagesBelow(page, known), { name: "SQL over everything", path: "/sql" }];
  let boxes = 0;
  for (const { name, path } of pages) {
    await test.step(name, async () => {
      const answer = await page.goto(path);
      if (answer.status() === 404) return;
      expect.soft(answer.status(), path).toBe(200);
      if (name === "SQL over everything") {
        await page.locator("#sql").fill(statement);
        await page.getByRole("button", { name: "Run" }).click();
        await expect.soft(page.locator(".grid tbody tr").first()).toBeVisible();
      }
      const found = await made(page, HOST);
      expect.soft(found.faults, `${path}: nothing came of it`).toEqual([]);
      // What SQL is asked for it answers as it is recorded; it is no link there either.
      if (!new URL(page.url()).pathname.startsWith("/sql")) expect.soft(found.bare, `${path}: hosts are defanged`).toBeNull();
      boxes += found.boxes;
    });
  }
  expect(boxes, "what cannot be seen is boxed").toBeGreaterThan(50);
  const largest = sizes.toSorted((one, other) => other.bytes - one.bytes)[0];
  console.log(`    ${pages.length} pages, ${boxes} boxes; the largest is ${new URL(largest.path).pathname} with ${Math.round(largest.bytes / 1024)} KiB`);
  expect(largest.bytes, largest.path).toBeLessThan(PAGE_BYTES_MAX);
  // Links to pages that are not there are another test's.
  guard.allow(/404 \(Not Found\)/);
});

test("every alert of it can be opened", async ({ visit }) => {
  test.setTimeout(300_000);
  const { page } = await visit(world.origin);
  await page.goto(await world.login());
  await page.goto("/alerts?filter=since:30d");
  const links = await page.locator(".queue-table tbody a").evaluateAll((all) => all.map((link) => link.getAttribute("href")));
  const rules = new Set();
  for (const path of links) {
    await page.goto(path);
    const rule = await page.locator("article .marks code").first().innerText();
    if (rules.has(rule)) continue;
    rules.add(rule);
    const found = await made(page, HOST);
    expect.soft(found.faults, `${rule} ${path}`).toEqual([]);
    expect.soft(found.bare, `${rule} ${path}: hosts are defanged`).toBeNull();
  }
  console.log(`    rules: ${[...rules].join(", ")}`);
  expect(rules.size).toBeGreaterThan(1);
});

test("what comes while somebody looks stays text", async ({ visit }) => {
  const { page } = await visit(world.origin);
  await page.goto(await world.login());
  await expect(page.locator("#agents tbody tr").first()).toBeVisible();
  await world.send("native", nativeRecords());
  await world.send("coderd", boundaryLines());
  await expect(page.locator("#ticker li").first()).toBeVisible();
  // The stream told of it: rows, ticker and cards are made by modules now.
  await expect.poll(() => page.locator("#ticker .cp").count()).toBeGreaterThan(0);
  expect.soft((await made(page, HOST)).faults).toEqual([]);
  await page.goto("/alerts");
  await world.send("coderd", boundaryLines());
  await expect.poll(() => page.locator("[data-alert]").count()).toBeGreaterThan(0);
  expect.soft((await made(page, HOST)).faults).toEqual([]);
});

test("a filter and a statement of an attacker stay text", async ({ visit }) => {
  const { page, guard } = await visit(world.origin);
  guard.allow(/400 \(Bad Request\)/, /403 \(Forbidden\)/, /404 \(Not Found\)/);
  await page.goto(await world.login());
  for (const text of NAMES) {
    const path = ["/", "/alerts", "/egress", "/spend"][NAMES.indexOf(text) % 4];
    await page.goto(`${path}?filter=${encodeURIComponent(text)}`);
    expect.soft((await made(page, "no.host")).faults, `${path} ${text}`).toEqual([]);
    await page.goto(`/sql?sql=${encodeURIComponent(`SELECT '${text.replaceAll("'", "''")}' AS "${text.replaceAll('"', '""')}"`)}`);
    expect.soft((await made(page, "no.host")).faults, `SQL ${text}`).toEqual([]);
    await page.goto(`/login?next=${encodeURIComponent(text)}`);
    expect.soft((await made(page, "no.host")).faults, `login ${text}`).toEqual([]);
  }
});

test("an export as CSV holds no formula", async ({ visit }) => {
  const { page } = await visit(world.origin);
  await page.goto(await world.login());
  const statement = `SELECT "user", team, workspace_name, model, tool, rule FROM events WHERE kind <> 'unparsed'`;
  await page.goto(`/sql?sql=${encodeURIComponent(statement)}`);
  await page.locator("#export").getByRole("button", { name: "csv", exact: true }).click();
  const file = page.locator("[data-job] a", { hasText: "File" }).first();
  await expect(file).toBeVisible();
  const answer = await page.context().request.get(await file.getAttribute("href"));
  expect(answer.headers()["content-disposition"]).toMatch(/^attachment; filename="tachograph-[\w-]+\.csv"$/);
  const cells = csv(await answer.text());
  expect(cells.length).toBeGreaterThan(NAMES.length * 6);
  expect(cells.filter((cell) => /^[=+\-@\t\r]/.test(cell))).toEqual([]);
  expect(cells.some((cell) => cell === `'=HYPERLINK("http://names.example/","click")`), "the formula is there as text").toBe(true);
});

/** The cells of a file of comma-separated values. */
function csv(text) {
  const cells = [];
  for (const [, quoted, plain] of text.matchAll(/(?:^|,|\r?\n)(?:"((?:[^"]|"")*)"|([^,\r\n]*))/g)) cells.push(quoted?.replaceAll('""', '"') ?? plain);
  return cells;
}

// The timeline of a session and one record: by keys, by dragging, by search, and without JavaScript.
import { expect, test } from "./support/browser.mjs";

/** The address of a session in which something was denied. */
async function denied(page) {
  await page.goto("/sessions?filter=denied%3E0");
  return page.locator(".sessions tbody a").first().getAttribute("href");
}

/** The address of the longest session of the last days: one of a second cannot be zoomed. */
async function longest(page) {
  const answer = await page.request.get("/api/v1/sessions?filter=denied%3E0&limit=50");
  const { sessions } = await answer.json();
  const session = sessions.reduce((best, other) => other.duration_us > best.duration_us ? other : best);
  return `/sessions/${encodeURIComponent(session.session)}`;
}

const ready = (page) => expect(page.locator("#timeline[data-ready]")).toBeVisible();
const opened = (page) => page.locator("#drawer .record");
const range = (page) => page.locator("#frame h2").textContent();

test("keys move, find what was denied, and close", async ({ page }) => {
  await page.goto(await denied(page));
  await ready(page);
  await page.keyboard.press("j");
  await page.keyboard.press("j");
  await expect(page.locator("#list a.open:focus")).toHaveCount(1);
  await page.keyboard.press("Enter");
  await expect(opened(page)).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(opened(page)).toBeHidden();
  await page.goto(page.url());
  await ready(page);
  await page.keyboard.press("d");
  await expect(opened(page).locator("h2")).toContainText("Denied");
  await expect(page.locator("#list tr.selected .ring")).toHaveCount(1);
  expect(page.url()).toContain("record=events");
  await page.reload();
  await ready(page);
  await expect(opened(page).locator("h2")).toContainText("Denied");
});

test("the frame is dragged, zoomed by keys, and stands in the address", async ({ page }) => {
  await page.goto(await longest(page));
  await ready(page);
  await page.keyboard.press("0");
  const whole = () => page.locator(".overview .ph p").textContent();
  await expect.poll(async () => (await whole()).startsWith(await range(page))).toBe(true);
  const before = await range(page);
  const box = await page.locator("#overview").boundingBox();
  await page.mouse.move(box.x + box.width * 0.3, box.y + 50);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.7, box.y + 50, { steps: 6 });
  await page.mouse.up();
  await expect.poll(() => range(page)).not.toBe(before);
  const dragged = await range(page);
  await page.reload();
  await ready(page);
  expect(await range(page)).toBe(dragged);
  await page.keyboard.press("-");
  await expect.poll(() => range(page)).not.toBe(dragged);
});

test("a proof is checked by the browser", async ({ page }) => {
  await page.goto(await denied(page));
  await ready(page);
  await page.keyboard.press("d");
  await opened(page).getByRole("button", { name: "Check in this browser" }).click();
  await expect(opened(page).locator("[data-verdict]")).toContainText("included and unchanged");
});

test.describe("without JavaScript", () => {
  test.use({ javaScriptEnabled: false });
  test("a record opens, the frame zooms, a search finds, and there is a story to print", async ({ page }) => {
    const path = await denied(page);
    await page.goto(path);
    await page.locator("#list tr.deny a.open").first().click();
    await expect(opened(page).locator("h2")).toContainText("Denied");
    await page.locator("#drawer [data-close]").click();
    await expect(opened(page)).toHaveCount(0);
    await page.locator("[data-move='+']").click();
    expect(page.url()).toContain("from=");
    await page.locator("#search").fill("cargo");
    await page.locator("#search").press("Enter");
    await expect(page.locator("#found")).toContainText("found");
    await page.goto(`${path}?view=story`);
    await expect(page.locator(".story li").first()).toBeVisible();
  });
});

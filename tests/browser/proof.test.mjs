// One record is verified by the browser from the bytes that are served, and a changed byte of its copy shows which step fails.
import { expect, test } from "./support/browser.mjs";

test("a record is verified here, and one changed byte is found", async ({ page }) => {
  await page.goto("/integrity");
  const result = page.locator("#proof-result");
  await page.locator("#position").fill("events/0/0");
  // A batch that no checkpoint covers yet is asked for again.
  await expect.poll(async () => {
    await page.locator("#prove-form button").first().click();
    await expect(result).toBeVisible();
    return result.innerText();
  }, { timeout: 20_000 }).toContain("Included and unchanged.");
  await expect(page.locator("#proof-steps tr")).toHaveCount(5);
  await expect(result).toContainText(/[0-9]+ hashes, 1 signature/);
  await page.locator("#flip").click();
  await expect(result).toContainText("Record fails");
  await expect(page.locator("#proof-steps tr")).toHaveCount(1);
});

test("without JavaScript the page gives the file and the command", async ({ browser, baseURL, context }) => {
  const plain = await browser.newContext({ baseURL, javaScriptEnabled: false, storageState: await context.storageState() });
  const page = await plain.newPage();
  await page.goto("/integrity?position=events/0/0");
  await expect(page.locator("#proof-result")).toContainText("tachograph verify proof-events-0-0.json");
  const answer = await plain.request.get("/integrity/proof?position=events/0/0");
  expect(answer.headers()["content-disposition"]).toContain("proof-events-0-0.json");
  expect((await answer.json()).state).toBe("proven");
  await plain.close();
});

// One record is verified by the browser from the bytes that are served, and a changed byte of its copy shows which step fails.
import { expect, moduleOf, test } from "./support/browser.mjs";

/** What a function of the page's verifier gives. */
async function calls(page, name, proof) {
  const module = await moduleOf(page, "proof.js");
  return page.evaluate(async ({ module, name, proof }) => (await import(module))[name](proof), { module, name, proof });
}

const verifyProof = (page, proof) => calls(page, "verifyProof", proof);

/** The proof of one record; a batch that no checkpoint covers yet is asked for again. */
async function proofOf(page) {
  let proof;
  await page.goto("/integrity");
  await expect.poll(async () => {
    proof = await (await page.request.get("/integrity/proof?position=events/0/0")).json();
    return proof.state;
  }, { timeout: 20_000 }).toBe("proven");
  return proof;
}

const other = (text) => { const at = Math.floor(text.length / 2); return text.slice(0, at) + (text[at] === "0" ? "1" : "0") + text.slice(at + 1); };

const cases = {
  "the salt": [(copy) => { copy.facts.salt = other(copy.facts.salt); }, "Record"],
  "the leaf": [(copy) => { copy.leaf_data = other(copy.leaf_data); }, "Record"],
  "the header": [(copy) => { copy.header = other(copy.header); }, undefined],
  "the index": [(copy) => { copy.batch.index += 1; }, "Batch root"],
  "the number of leaves": [(copy) => { copy.batch.size += 1; }, "Batch root"],
  "the position": [(copy) => { copy.position = "events/0/999999999"; }, "Batch root"],
  "the ledger": [(copy) => { copy.position = copy.position.replace("events", "operations"); }, "Checkpoint"],
  "the size of the log": [(copy) => { copy.log.size += 1; }, undefined],
  "the checkpoint": [(copy) => { copy.checkpoint = copy.checkpoint.replace(/^\S+/, (origin) => `${origin}0`); }, "Signature"],
  "the key": [(copy) => { copy.key = copy.key.replace("+", "x+"); }, "Signature"],
  "an upper-case digit": [(copy) => { copy.leaf_data = copy.leaf_data.replace(/[a-f]/, (digit) => digit.toUpperCase()); }, "Record"],
  "nonsense": [(copy) => { copy.checkpoint = "x"; }, "Checkpoint"],
  "another format": [(copy) => { copy.format = 2; }, "Record"],
};

test("what the binary proves holds in the page's verifier", async ({ page }) => {
  const proof = await proofOf(page);
  const found = await verifyProof(page, proof);
  expect(found.holds, JSON.stringify(found.steps)).toBe(true);
  expect(found.steps.map(({ name }) => name)).toEqual(["Record", "Batch root", "Header", "Checkpoint", "Signature"]);
  // Two for the commitment, one for the leaf, one for the header's leaf, one for the key's id, and the siblings.
  expect(found.hashes).toBe(5 + proof.batch.path.length + proof.log.path.length + (proof.content ? 2 : 0));
  expect(found.signatures).toBe(1);
});

test("nothing of a proof can be changed", async ({ page }) => {
  const proof = await proofOf(page);
  const { proof: flipped, before, after } = await calls(page, "changed", proof);
  expect(after).not.toBe(before);
  expect(await verifyProof(page, flipped)).toMatchObject({ holds: false, failed: "Record" });
  for (const [name, [change, failed]] of Object.entries(cases)) {
    const copy = structuredClone(proof);
    change(copy);
    const found = await verifyProof(page, copy);
    expect(found.holds, `another ${name}`).toBe(false);
    if (failed) expect(found.failed, `another ${name}`).toBe(failed);
  }
  for (const tree of ["batch", "log"]) {
    expect(proof[tree].path.length, `the path in the ${tree}`).toBeGreaterThan(0);
    const copy = structuredClone(proof);
    copy[tree].path[0] = other(copy[tree].path[0]);
    expect((await verifyProof(page, copy)).holds, `another node of the path in the ${tree}`).toBe(false);
    copy[tree].path = [];
    expect((await verifyProof(page, copy)).holds, `no path in the ${tree}`).toBe(false);
  }
});

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

test("a key that was pinned in the browser is believed, and no other", async ({ page }) => {
  const { proof } = await (await page.request.get(`/api/v1/records/${encodeURIComponent("events/0/0")}`)).json();
  await page.goto("/integrity?position=events/0/0");
  const told = page.locator("#pinning output");
  await page.getByText("Pin a key").click();
  await expect(told).toContainText("No key is pinned");
  const pin = async (key) => { await page.getByLabel("The key that you trust").fill(key); await page.getByRole("button", { name: "Pin", exact: true }).click(); };
  const verify = () => page.locator("#prove-form button").first().click();
  await pin("not a key");
  await expect(told).toContainText("It is not pinned");
  await pin(proof.key);
  await expect(told).toContainText("the directory names the same");
  await verify();
  await expect(page.locator("#proof-steps")).toContainText("a key that was pinned");
  // A key of another log.
  await pin("other.example/log+01f91e98+AWCuxR3yBPdf0H1aj7ZVgiAeao633ZGiyUKhlTDTeZXw");
  await expect(told).toContainText("names another one");
  await verify();
  await expect(page.locator("#proof-result")).toContainText("Signature fails");
  await page.getByRole("button", { name: "Forget" }).click();
  await expect(told).toContainText("No key is pinned");
  await verify();
  await expect(page.locator("#proof-result")).toContainText("Included and unchanged.");
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

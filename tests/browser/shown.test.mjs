// Recorded text is shown by the page's own modules as the server shows it: both are checked on the cases of dashboards/web/shown.json.
import { readFileSync } from "node:fs";
import { expect, moduleOf, test } from "./support/browser.mjs";

const cases = JSON.parse(readFileSync(new URL("../../dashboards/web/shown.json", import.meta.url), "utf8"));
const LAST_CODE_POINT = 0x10ffff;

test("pages make of recorded text what the server makes of it", async ({ page }) => {
  await page.goto("/");
  const module = await moduleOf(page, "shown.js");
  const found = await page.evaluate(async ({ module, cases, last }) => {
    const { defanged, pieces, put } = await import(module);
    const html = (text, block) => put(document.createElement("p"), text, { block }).innerHTML;
    const hidden = [];
    for (let code = 0; code <= last; code += 1) {
      if (code >= 0xd800 && code <= 0xdfff) continue;
      const [piece] = pieces(String.fromCodePoint(code));
      if (piece.box === undefined) continue;
      const range = hidden.at(-1);
      if (range?.[1] === code - 1) range[1] = code; else hidden.push([code, code]);
    }
    return {
      line: cases.line.map(([text]) => [text, html(text, false)]),
      block: cases.block.map(([text]) => [text, html(text, true)]),
      defanged: cases.defanged.map(([text]) => [text, defanged(text)]),
      hidden,
    };
  }, { module, cases, last: LAST_CODE_POINT });
  // The server's text may stand in a quoted attribute too, so it escapes quotes, which a text node does not need.
  const unquoted = ([text, shown]) => [text, shown.replaceAll("&quot;", '"').replaceAll("&#39;", "'")];
  expect(found.line).toEqual(cases.line.map(unquoted));
  expect(found.block).toEqual(cases.block.map(unquoted));
  expect(found.defanged).toEqual(cases.defanged);
  expect(found.hidden).toEqual(cases.hidden);
});

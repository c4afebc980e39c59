// One record, as a page and in the drawer: its link can be copied, and its proof checked by this browser from the bytes that are served.
import { json } from "./parts.js";
import { pin, verifyProof } from "./proof.js";

async function verify(address, verdict) {
  verdict.className = "note";
  verdict.textContent = "Checking…";
  try {
    const found = await verifyProof(await json(address), pin);
    const figures = `${found.hashes} hashes, ${found.milliseconds < 10 ? found.milliseconds.toFixed(1) : Math.round(found.milliseconds)} ms`;
    verdict.textContent = found.holds ? `Checked in this browser, ${figures}: included and unchanged${pin.key ? ", signed by the pinned key" : ""}.` : `Not as it was recorded: ${found.failed} fails.`;
    verdict.className = found.holds ? "note c-allow" : "note c-deny";
  } catch (error) {
    verdict.textContent = `It could not be checked: ${error.message}.`;
  }
}

export function wire(article) {
  const copy = article?.querySelector("[data-copy]");
  copy?.addEventListener("click", (event) => {
    event.preventDefault();
    navigator.clipboard?.writeText(copy.href);
    copy.lastChild.textContent = "Copied";
  });
  const check = article?.querySelector("[data-verify]");
  if (!check) return;
  check.hidden = false;
  check.addEventListener("click", () => verify(check.dataset.verify, article.querySelector("[data-verdict]")));
}

wire(document.querySelector(".record-page > .record"));

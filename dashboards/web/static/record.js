// One record, as a page and in the drawer: its link can be copied.
export function wire(article) {
  const copy = article?.querySelector("[data-copy]");
  copy?.addEventListener("click", (event) => {
    event.preventDefault();
    navigator.clipboard?.writeText(copy.href);
    copy.lastChild.textContent = "Copied";
  });
}

wire(document.querySelector(".record-page > .record"));

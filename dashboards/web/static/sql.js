// SQL: the editor, finding columns, inserting their names, and exports that are looked at until they are ready.

const field = document.getElementById("sql");
const schema = document.querySelector(".schema");

/** Puts a name where the cursor is. */
let insert = (name) => {
  field.setRangeText(name, field.selectionStart, field.selectionEnd, "end");
  field.focus();
};

/** What the page lists, as the editor completes it. */
function listed() {
  const items = (list) => [...list.querySelectorAll("li")].map((item) => ({
    name: item.querySelector("code").textContent, type: item.querySelector("span")?.textContent.trim() ?? "", doc: item.title,
  }));
  return {
    relations: [...schema.querySelectorAll("details:not([data-functions])")].map((relation) => ({
      name: relation.querySelector("summary").textContent, doc: relation.querySelector(".note").firstChild.textContent.trim(), columns: items(relation),
    })),
    functions: [...schema.querySelectorAll("details[data-functions]")].flatMap(items),
  };
}

if (field && schema) {
  const banner = document.querySelector("[role=alert][data-line]");
  const fault = banner && { line: Number(banner.dataset.line), column: Number(banner.dataset.column), words: banner.querySelector("b").textContent };
  try {
    const { edit } = await import("./editor.js");
    ({ insert } = edit(field, { ...listed(), fault }));
  } catch (error) {
    // The field is still there and does the work.
    console.warn("the editor did not come", error);
    field.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); field.form.requestSubmit(); }
    });
  }
  const find = document.getElementById("find-column");
  find.hidden = false;
  find.addEventListener("input", () => {
    const wanted = find.value.trim().toLowerCase();
    for (const relation of schema.querySelectorAll("details")) {
      let found = 0;
      for (const item of relation.querySelectorAll("li")) {
        item.hidden = wanted !== "" && !item.querySelector("code").textContent.toLowerCase().includes(wanted);
        if (!item.hidden) found += 1;
      }
      const own = relation.querySelector("summary").textContent.toLowerCase().includes(wanted);
      relation.hidden = wanted !== "" && !found && !own;
      relation.open = wanted !== "" && found > 0;
    }
  });
  for (const name of schema.querySelectorAll("li code")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "plain";
    name.replaceWith(button);
    button.append(name);
    button.addEventListener("click", () => insert(name.textContent));
  }
}

if (document.querySelector("[data-job=Running]")) setTimeout(() => location.reload(), 1500);

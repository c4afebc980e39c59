// SQL: keys, finding columns, inserting their names, and exports that are looked at until they are ready.

const editor = document.getElementById("sql");
editor?.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); editor.form.requestSubmit(); }
});

/** Puts a name where the cursor is. */
function insert(name) {
  editor.setRangeText(name, editor.selectionStart, editor.selectionEnd, "end");
  editor.focus();
}

const schema = document.querySelector(".schema");
if (schema && editor) {
  const find = document.getElementById("find-column");
  find.hidden = false;
  find.addEventListener("input", () => {
    const wanted = find.value.trim().toLowerCase();
    for (const relation of schema.querySelectorAll("details")) {
      let found = 0;
      for (const item of relation.querySelectorAll("li")) {
        item.hidden = wanted !== "" && !item.textContent.toLowerCase().includes(wanted);
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

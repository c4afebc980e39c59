// The editor of the SQL page: CodeMirror over the form's text field. It stands in a shadow root, because it brings its style as sheets that
// a root adopts, which is the only way that the page's policy leaves open. The field stays what the form sends.
import {
  EditorState, EditorView, HighlightStyle, SQLDialect, acceptCompletion, autocompletion, bracketMatching, closeBrackets, closeBracketsKeymap,
  completionKeymap, defaultKeymap, highlightSpecialChars, history, historyKeymap, ifNotIn, indentLess, indentMore, keymap,
  lineNumbers, lintGutter, schemaCompletionSource, setDiagnostics, sql, syntaxHighlighting, tags,
} from "./vendor/codemirror.js";
import { element } from "./elements.js";
import { HIDDEN, name } from "./shown.js";

const HINT = `${/Mac|iP/.test(navigator.platform) ? "Cmd" : "Ctrl"} Enter runs it, Ctrl Space completes. Tab indents: Esc, then Tab leaves the editor.`;

const style = EditorView.theme({
  "&": { color: "var(--ink)", background: "var(--fill)", border: "1px solid var(--edge)", borderRadius: "4px", fontSize: ".75rem" },
  "&.cm-focused": { outline: "2px solid var(--info)", outlineOffset: "1px" },
  ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "1.25rem", minHeight: "200px", maxHeight: "50vh", overflow: "auto" },
  ".cm-content": { padding: "6px 0", caretColor: "var(--ink)", minWidth: "0" },
  ".cm-line": { padding: "0 10px 0 6px" },
  ".cm-gutters": { color: "var(--muted)", background: "none", border: "0" },
  ".cm-lineNumbers .cm-gutterElement": { padding: "0 6px 0 8px", minWidth: "28px" },
  ".cm-gutter-lint": { width: "16px" },
  ".cm-gutter-lint .cm-gutterElement": { padding: "0 0 0 2px" },
  "&.cm-focused .cm-matchingBracket, .cm-matchingBracket": { background: "var(--fill-2)", outline: "1px solid var(--edge)" },
  "&.cm-focused .cm-nonmatchingBracket": { background: "var(--deny-bg)", color: "var(--deny)" },
  ".cm-lintRange-error": { backgroundImage: "none", textDecoration: "underline wavy var(--deny) 1px", textUnderlineOffset: "3px", background: "var(--deny-bg)" },
  ".cm-lintPoint-error::after": { borderBottomColor: "var(--deny)" },
  ".cm-hidden": { padding: "0 3px", margin: "0 1px", font: "500 .625rem/14px var(--mono)", color: "var(--warn)", border: "1px solid currentColor", borderRadius: "2px" },
  ".cm-tooltip": { color: "var(--ink)", background: "var(--raised)", border: "1px solid var(--edge)", borderRadius: "4px", maxWidth: "min(440px, calc(100vw - 24px))" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul": { fontFamily: "var(--mono)", maxHeight: "216px", maxWidth: "100%", minWidth: "min(260px, calc(100vw - 40px))" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul > li": { display: "flex", gap: "12px", justifyContent: "space-between", padding: "2px 8px", lineHeight: "1.25rem" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul > li[aria-selected]": { color: "var(--surface)", background: "var(--ink)" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul > li[aria-selected] .cm-completionDetail": { color: "inherit" },
  ".cm-completionMatchedText": { textDecoration: "none", fontWeight: "700" },
  ".cm-completionDetail": { margin: "0", fontStyle: "normal", fontFamily: "var(--sans)", color: "var(--muted)", overflow: "hidden", textOverflow: "ellipsis" },
  ".cm-tooltip.cm-completionInfo": { padding: "6px 8px", fontSize: ".75rem", lineHeight: "1rem", overflowWrap: "anywhere" },
  ".cm-diagnostic": { padding: "4px 8px", whiteSpace: "pre-wrap", overflowWrap: "anywhere" },
  ".cm-diagnostic-error": { borderLeft: "3px solid var(--deny)" },
  "@media (max-width: 760px)": { "&": { fontSize: "1rem" }, ".cm-scroller": { lineHeight: "1.5rem" } },
  "@media (forced-colors: active)": {
    ".cm-tooltip.cm-tooltip-autocomplete > ul > li[aria-selected]": { color: "HighlightText", background: "Highlight", forcedColorAdjust: "none" },
  },
});

const colours = HighlightStyle.define([
  { tag: tags.keyword, fontWeight: "600" },
  { tag: [tags.string, tags.special(tags.string)], color: "var(--info)" },
  { tag: [tags.number, tags.bool, tags.null], color: "var(--loop)" },
  { tag: tags.comment, color: "var(--muted)" },
  { tag: tags.typeName, fontWeight: "600" },
]);

/** Words of statements that only read. */
const KEYWORDS = [
  "ALL AND ANY AS ASC AT BETWEEN BY CASE CAST CROSS CURRENT_DATE CURRENT_TIMESTAMP DESC DESCRIBE DISTINCT ELSE END ESCAPE EXCEPT EXISTS EXPLAIN",
  "EXTRACT FALSE FILTER FIRST FOLLOWING FROM FULL HAVING ILIKE IN INNER INTERSECT INTERVAL IS JOIN LAST LATERAL LEFT LIKE LIMIT NATURAL NOT NULL",
  "NULLS OFFSET ON OR OUTER OVER PRECEDING RANGE RECURSIVE RIGHT ROWS SELECT SHOW THEN TRUE UNBOUNDED UNION UNNEST USING VALUES WHEN WHERE WINDOW WITH",
].join(" ").split(" ");
const PHRASES = ["EXPLAIN ANALYZE", "GROUP BY", "ORDER BY", "PARTITION BY", "AT TIME ZONE", "SHOW TABLES", "SIMILAR TO", "WITHIN GROUP"];
const TYPES = "bigint boolean bytea char date decimal double float integer numeric real smallint text timestamp timestamptz varchar";
/** PostgreSQL's signs with those words: it has hundreds more, and `time`, `host` or `method` would look like them, which are columns here. */
const dialect = SQLDialect.define({
  keywords: [...KEYWORDS, ...PHRASES.flatMap((phrase) => phrase.split(" ")).filter((word) => word !== "TIME")].join(" ").toLowerCase(),
  types: TYPES, charSetCasts: true, specialVar: "", doubleDollarQuotedStrings: true, operatorChars: "+-*/<>=~!@#%^&|`?", caseInsensitiveIdentifiers: true,
});
const keywords = [...KEYWORDS, ...PHRASES].map((label) => ({ label, detail: "keyword", boost: -1 }));

/** Where completion has nothing to say. */
const TEXTS = ["String", "LineComment", "BlockComment"];

/** A source of completion for the word at the cursor, unless a dot stands before it: what follows a dot is somebody's column. */
const words = (options) => ifNotIn([...TEXTS, "QuotedIdentifier"], (context) => {
  const word = context.matchBefore(/[\w$]+/);
  if ((!word && !context.explicit) || context.matchBefore(/\.[\w$]*/)) return null;
  return { from: word?.from ?? context.pos, options: options(context.state.doc.toString()), validFor: /^[\w$]*$/ };
});

/** Columns of the tables that the statement names, or of all while it names none. */
function columns(relations) {
  return words((text) => {
    const named = new Set(text.toLowerCase().match(/[a-z_][\w$]*/g));
    const meant = relations.filter(({ name: table }) => named.has(table));
    const found = new Map();
    for (const { name: table, columns: all } of meant.length ? meant : relations) {
      for (const { name: column, type, doc } of all) {
        const known = found.get(column);
        if (known) known.tables.push(table);
        else found.set(column, { tables: [table], type, doc });
      }
    }
    return [...found].map(([label, { tables, type, doc }]) => ({
      label, info: doc || undefined, boost: 2, detail: [type, tables.length > 2 ? `${tables.length} tables` : tables.join(", ")].filter(Boolean).join(" · "),
    }));
  });
}

/** Functions put the cursor between their brackets. */
function calls(functions) {
  const options = functions.map(({ name: label, doc }) => ({
    label, info: doc || undefined, detail: "function",
    apply(view, completion, from, to) {
      const isCalled = view.state.sliceDoc(to, to + 1) === "(";
      view.dispatch({ changes: { from, to, insert: isCalled ? label : `${label}()` }, selection: { anchor: from + label.length + 1 }, userEvent: "input.complete" });
    },
  }));
  return words(() => options);
}

function completion({ relations, functions }) {
  const schema = Object.fromEntries(relations.map(({ name: table, doc, columns: all }) => [table, {
    self: { label: table, info: doc || undefined, detail: "table", boost: 1 },
    children: all.map(({ name: column, type, doc: about }) => ({ label: column, detail: type, info: about || undefined })),
  }]));
  return autocompletion({
    icons: false,
    override: [
      columns(relations), calls(functions), ifNotIn(TEXTS, schemaCompletionSource({ dialect, schema })),
      words(() => keywords),
    ],
  });
}

/** Two blanks where the cursor is, or whole lines if some are selected. */
const indent = {
  key: "Tab",
  run: (view) => {
    if (view.state.selection.ranges.some((range) => !range.empty)) return indentMore(view);
    view.dispatch(view.state.replaceSelection("  "), { scrollIntoView: true, userEvent: "input" });
    return true;
  },
  shift: indentLess,
};

/** Characters that nobody sees, as boxes. A tab is seen by its width. */
const boxes = highlightSpecialChars({
  specialChars: new RegExp(HIDDEN.source, "gu"),
  render: (code) => element("span", "cm-hidden", name(code)),
});

/** Types over what is selected. Left to itself, Chromium would keep the look of what was there as an inline style, which the policy refuses. */
const typeOver = EditorView.domEventHandlers({
  beforeinput(event, view) {
    const { main } = view.state.selection;
    if (event.inputType !== "insertText" || !event.data || main.empty || view.composing) return false;
    event.preventDefault();
    const typed = () => view.state.update(view.state.replaceSelection(event.data), { scrollIntoView: true, userEvent: "input.type" });
    const handlers = view.state.facet(EditorView.inputHandler);
    if (!handlers.some((handle) => handle(view, main.from, main.to, event.data, typed))) view.dispatch(typed());
    return true;
  },
});

/** What a diagnostic of CodeMirror needs: the word at a line and a column, which count from one. */
function diagnostic(doc, { line, column, words: message }) {
  if (!line || line > doc.lines) return null;
  const found = doc.line(line);
  // Servers count characters, the editor units of UTF-16.
  const before = [...found.text].slice(0, Math.max(0, column - 1)).join("").length;
  const [word] = /^([\w$]+|"[^"]*"?|'[^']*'?|[^]?)/.exec(found.text.slice(before));
  // At the end of a line the character before it is marked: an empty mark is not seen.
  const from = word ? found.from + before : Math.max(found.from, found.to - 1);
  return { from, to: Math.max(from, found.from + before + word.length), severity: "error", message };
}

/** Puts the editor over the field. `fault` is where the server found a mistake, with its words. */
export function edit(field, { relations, functions, fault }) {
  const host = element("div", "editor");
  const root = host.attachShadow({ mode: "open" });
  const hint = element("p", "", HINT);
  hint.id = "hint";
  const sheet = new CSSStyleSheet();
  sheet.replaceSync("p { margin: 4px 0 0; font-size: .75rem; line-height: 1rem; color: var(--muted); }");
  root.adoptedStyleSheets = [sheet];
  field.before(host);
  const run = () => { field.form.requestSubmit(); return true; };
  const view = new EditorView({
    root,
    parent: root,
    state: EditorState.create({
      doc: field.value,
      extensions: [
        keymap.of([
          { key: "Mod-Enter", run }, { key: "Tab", run: acceptCompletion }, ...completionKeymap, indent, ...closeBracketsKeymap, ...historyKeymap, ...defaultKeymap,
        ]),
        sql({ dialect }), completion({ relations, functions }), history(), lineNumbers(), bracketMatching(), closeBrackets(), typeOver, boxes,
        EditorView.lineWrapping, syntaxHighlighting(colours), style, fault ? lintGutter() : [],
        EditorView.contentAttributes.of({ "aria-label": "Query", "aria-describedby": "hint", ...fault ? { "aria-invalid": "true" } : {} }),
        EditorView.updateListener.of((update) => { if (update.docChanged) field.value = update.state.doc.toString(); }),
      ],
    }),
  });
  root.append(hint);
  const mark = fault && diagnostic(view.state.doc, fault);
  if (mark) view.dispatch(setDiagnostics(view.state, [mark]));
  // The field stays in the form for what it sends and for the browser's own word that it is empty, but nobody meets it.
  field.classList.add("vh");
  field.tabIndex = -1;
  field.setAttribute("aria-hidden", "true");
  field.addEventListener("focus", () => view.focus());
  field.addEventListener("input", () => {
    if (field.value !== view.state.doc.toString()) view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: field.value } });
  });
  return {
    insert(text) {
      view.dispatch(view.state.replaceSelection(text), { scrollIntoView: true, userEvent: "input" });
      view.focus();
    },
  };
}

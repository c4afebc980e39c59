// What ../static/vendor/codemirror.js exports: the parts of CodeMirror that the editor of the SQL page is made of.
export { EditorState, Compartment, StateEffect, StateField } from "@codemirror/state";
export { EditorView, keymap, lineNumbers, highlightSpecialChars, placeholder } from "@codemirror/view";
export { defaultKeymap, history, historyKeymap, indentLess, insertTab } from "@codemirror/commands";
export { HighlightStyle, bracketMatching, indentOnInput, indentUnit, syntaxHighlighting } from "@codemirror/language";
export { acceptCompletion, autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from "@codemirror/autocomplete";
export { highlightSelectionMatches, search, searchKeymap } from "@codemirror/search";
export { lintKeymap, setDiagnostics } from "@codemirror/lint";
export { PostgreSQL, SQLDialect, sql } from "@codemirror/lang-sql";
export { tags } from "@lezer/highlight";

-- Agent changes its own settings, hooks or MCP servers
SELECT
  *
FROM tachograph_events
WHERE
  kind = 'file.write'
  AND (
    (
      LOWER(file) LIKE LOWER('%/.claude/settings.json') ESCAPE '\'
      OR LOWER(file) LIKE LOWER('%/.claude/settings.local.json') ESCAPE '\'
      OR LOWER(file) LIKE LOWER('%/.claude.json') ESCAPE '\'
      OR LOWER(file) LIKE LOWER('%/.mcp.json') ESCAPE '\'
      OR LOWER(file) LIKE LOWER('%/.codex/config.toml') ESCAPE '\'
      OR LOWER(file) LIKE LOWER('%/.codex/hooks.json') ESCAPE '\'
      OR LOWER(file) LIKE LOWER('%/.gemini/settings.json') ESCAPE '\'
      OR LOWER(file) LIKE LOWER('%/.cursor/mcp.json') ESCAPE '\'
      OR LOWER(file) LIKE LOWER('%/.cursor/hooks.json') ESCAPE '\'
      OR LOWER(file) LIKE LOWER('%/.vscode/mcp.json') ESCAPE '\'
      OR LOWER(file) LIKE LOWER('%/.copilot/mcp-config.json') ESCAPE '\'
    )
    OR (
      LOWER(file) LIKE LOWER('%/.claude/hooks/%') ESCAPE '\'
      OR LOWER(file) LIKE LOWER('%/.git/hooks/%') ESCAPE '\'
      OR LOWER(file) LIKE LOWER('%/.husky/%') ESCAPE '\'
    )
  );

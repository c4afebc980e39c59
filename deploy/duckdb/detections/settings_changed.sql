-- Agent changes its own settings, hooks or MCP servers
SELECT
  *
FROM tachograph_events
WHERE
  kind = 'file.write'
  AND (
    (
      file ILIKE '%/.claude/settings.json' ESCAPE '\'
      OR file ILIKE '%/.claude/settings.local.json' ESCAPE '\'
      OR file ILIKE '%/.claude.json' ESCAPE '\'
      OR file ILIKE '%/.mcp.json' ESCAPE '\'
      OR file ILIKE '%/.codex/config.toml' ESCAPE '\'
      OR file ILIKE '%/.codex/hooks.json' ESCAPE '\'
      OR file ILIKE '%/.gemini/settings.json' ESCAPE '\'
      OR file ILIKE '%/.cursor/mcp.json' ESCAPE '\'
      OR file ILIKE '%/.cursor/hooks.json' ESCAPE '\'
      OR file ILIKE '%/.vscode/mcp.json' ESCAPE '\'
      OR file ILIKE '%/.copilot/mcp-config.json' ESCAPE '\'
    )
    OR (
      file ILIKE '%/.claude/hooks/%' ESCAPE '\'
      OR file ILIKE '%/.git/hooks/%' ESCAPE '\'
      OR file ILIKE '%/.husky/%' ESCAPE '\'
    )
  );

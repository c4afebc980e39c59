-- Agent adds an MCP server
SELECT
  *
FROM tachograph_events
WHERE
  (
    kind = 'command' OR kind = 'process.exec' OR kind = 'tool.call'
  )
  AND (
    LOWER(command) LIKE LOWER('%claude mcp add%') ESCAPE '\'
    OR LOWER(command) LIKE LOWER('%codex mcp add%') ESCAPE '\'
    OR LOWER(command) LIKE LOWER('%gemini mcp add%') ESCAPE '\'
    OR LOWER(command) LIKE LOWER('%copilot mcp add%') ESCAPE '\'
    OR LOWER(command) LIKE LOWER('%code --add-mcp%') ESCAPE '\'
    OR LOWER(command) LIKE LOWER('%cursor-agent mcp enable%') ESCAPE '\'
  );

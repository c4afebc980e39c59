-- Agent adds an MCP server
SELECT
  *
FROM tachograph_events
WHERE
  (
    kind = 'command' OR kind = 'process.exec' OR kind = 'tool.call'
  )
  AND (
    command ILIKE '%claude mcp add%' ESCAPE '\'
    OR command ILIKE '%codex mcp add%' ESCAPE '\'
    OR command ILIKE '%gemini mcp add%' ESCAPE '\'
    OR command ILIKE '%copilot mcp add%' ESCAPE '\'
    OR command ILIKE '%code --add-mcp%' ESCAPE '\'
    OR command ILIKE '%cursor-agent mcp enable%' ESCAPE '\'
  );

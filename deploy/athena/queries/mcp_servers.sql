-- MCP servers that agents call, by whom, since when.
SELECT
  mcp_server,
  COUNT(*) AS calls,
  COUNT(DISTINCT "user") AS users,
  COUNT(DISTINCT session) AS sessions,
  MIN(time) AS first,
  MAX(time) AS last
FROM tachograph_events
WHERE
  NOT mcp_server IS NULL
GROUP BY
  1
ORDER BY
  first DESC;

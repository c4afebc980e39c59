-- MCP servers that agents call, by whom, since when.
SELECT mcp_server, count(*) AS calls, count(DISTINCT "user") AS users, count(DISTINCT session) AS sessions, min(time) AS first, max(time) AS last
FROM tachograph_events
WHERE mcp_server IS NOT NULL
GROUP BY 1
ORDER BY first DESC;

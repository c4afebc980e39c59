-- Agents that do the same again and again: one call with one input, more than twenty times in a session.
SELECT session, agent_kind, "user", tool, action_fp, count(*) AS times, min(time) AS first, max(time) AS last
FROM tachograph_events
WHERE kind IN ('tool.call', 'command') AND action_fp IS NOT NULL
GROUP BY 1, 2, 3, 4, 5
HAVING count(*) > 20
ORDER BY times DESC;

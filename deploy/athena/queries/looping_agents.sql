-- Agents that do the same again and again: one call with one input, more than twenty times in a session.
SELECT
  session,
  agent_kind,
  "user",
  tool,
  action_fp,
  COUNT(*) AS times,
  MIN(time) AS first,
  MAX(time) AS last
FROM tachograph_events
WHERE
  kind IN ('tool.call', 'command') AND NOT action_fp IS NULL
GROUP BY
  1,
  2,
  3,
  4,
  5
HAVING
  COUNT(*) > 20
ORDER BY
  times DESC;

-- What was denied, by agent and domain, most first.
SELECT
  agent_kind,
  "user",
  workspace_name,
  domain,
  COUNT(*) AS denied,
  MIN(time) AS first,
  MAX(time) AS last
FROM tachograph_events
WHERE
  kind IN ('egress.http', 'egress.flow', 'egress.dns')
  AND outcome IN ('deny', 'blocked')
GROUP BY
  1,
  2,
  3,
  4
ORDER BY
  denied DESC
LIMIT 100;

-- Domains that were first reached in the last day of the records.
SELECT
  domain,
  MIN(time) AS first,
  COUNT(*) AS requests,
  COUNT(DISTINCT workspace) AS workspaces
FROM tachograph_events
WHERE
  kind = 'egress.http' AND NOT domain IS NULL
GROUP BY
  1
HAVING
  MIN(time) > (
    SELECT
      MAX(time)
    FROM tachograph_events
  ) - INTERVAL '1' DAY
ORDER BY
  first DESC;

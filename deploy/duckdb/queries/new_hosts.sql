-- Domains that were first reached in the last day of the records.
SELECT domain, min(time) AS first, count(*) AS requests, count(DISTINCT workspace) AS workspaces
FROM tachograph_events
WHERE kind = 'egress.http' AND domain IS NOT NULL
GROUP BY 1
HAVING min(time) > (SELECT max(time) FROM tachograph_events) - INTERVAL '1' DAY
ORDER BY first DESC;

-- Written by hand after deploy/sigma/spend_burst.yml: the backend has no correlations for this dialect.
WITH costly AS (
  SELECT
    session,
    time,
    COUNT(*) OVER (
      PARTITION BY session
      ORDER BY time
      RANGE BETWEEN INTERVAL '10' MINUTE PRECEDING AND CURRENT ROW
    ) AS answers
  FROM tachograph_events
  WHERE
    kind = 'model.tokens' AND cost_micros >= 100000
)
SELECT
  session,
  MIN(time) AS first,
  MAX(answers) AS answers
FROM costly
WHERE
  answers >= 50
GROUP BY
  session;

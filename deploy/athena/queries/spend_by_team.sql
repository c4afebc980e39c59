-- What models cost, in US dollars, by team and model. Only what gateways tell is counted, so that no call counts twice.
SELECT
  team,
  model,
  CAST(SUM(cost_micros) AS DOUBLE) / 1000000.0 AS dollars,
  SUM(tokens_out) AS tokens_out,
  COUNT(*) AS calls
FROM tachograph_events
WHERE
  kind = 'model.tokens' AND family = 'gateway'
GROUP BY
  1,
  2
ORDER BY
  dollars DESC;

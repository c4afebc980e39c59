-- Written by hand after deploy/sigma/denied_then_allowed.yml: the backend has no correlations for this dialect.
SELECT
  allowed.workspace,
  allowed.domain,
  denied.time AS denied,
  allowed.time AS allowed,
  allowed.position
FROM tachograph_events AS denied
JOIN tachograph_events AS allowed
  ON allowed.workspace = denied.workspace
  AND allowed.domain = denied.domain
  AND allowed.time >= denied.time
  AND allowed.time <= denied.time + INTERVAL '1' HOUR
WHERE
  denied.kind = 'egress.http'
  AND denied.outcome IN ('deny', 'blocked')
  AND allowed.kind = 'egress.http'
  AND allowed.outcome = 'allow';

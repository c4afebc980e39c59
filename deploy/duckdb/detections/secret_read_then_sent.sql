-- Written by hand after deploy/sigma/secret_read_then_sent.yml: the backend has no correlations for this dialect.
SELECT sent.workspace, secret.file, secret.time AS was_read, sent.time AS was_sent, sent.host, sent.position
FROM tachograph_events AS secret
JOIN tachograph_events AS sent
  ON sent.workspace = secret.workspace AND sent.time >= secret.time AND sent.time <= secret.time + INTERVAL '10' MINUTE
WHERE secret.kind = 'file.read'
  AND regexp_matches(lower(secret.file), '/(\.env|\.env\.local|\.env\.production|\.ssh/id_rsa|\.ssh/id_ed25519|\.ssh/id_ecdsa|\.aws/credentials|\.kube/config|\.netrc|\.git-credentials|application_default_credentials\.json)$')
  AND sent.kind = 'egress.http' AND sent.outcome = 'allow' AND sent.method IN ('POST', 'PUT', 'PATCH');

-- Alerts whose newest revision is not resolved.
WITH revisions AS (
  SELECT
    subject,
    revision,
    recorded,
    JSON_EXTRACT_SCALAR(record, '$.state') AS state,
    JSON_EXTRACT_SCALAR(record, '$.severity') AS severity,
    JSON_EXTRACT_SCALAR(record, '$.title') AS title,
    ROW_NUMBER() OVER (PARTITION BY subject ORDER BY revision DESC) AS newest
  FROM tachograph_operations
  WHERE
    kind = 'alert'
)
SELECT
  subject,
  revision,
  recorded,
  severity,
  title
FROM revisions
WHERE
  newest = 1 AND state <> 'resolved'
ORDER BY
  recorded DESC;

-- Alerts whose newest revision is not resolved.
WITH revisions AS (
  SELECT subject, revision, recorded,
         record->>'$.state' AS state,
         record->>'$.severity' AS severity,
         record->>'$.title' AS title,
         row_number() OVER (PARTITION BY subject ORDER BY revision DESC) AS newest
  FROM tachograph_operations
  WHERE kind = 'alert'
)
SELECT subject, revision, recorded, severity, title
FROM revisions
WHERE newest = 1 AND state <> 'resolved'
ORDER BY recorded DESC;

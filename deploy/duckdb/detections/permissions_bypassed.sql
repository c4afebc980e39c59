-- Agent works without asking for permission
SELECT
  *
FROM tachograph_events
WHERE
  kind = 'approval'
  AND (
    "action" ILIKE 'permission\_mode\_changed' ESCAPE '\'
    AND (
      target = 'bypassPermissions'
      OR target = 'dontAsk'
      OR target = 'yolo'
      OR target = 'danger-full-access'
    )
  );

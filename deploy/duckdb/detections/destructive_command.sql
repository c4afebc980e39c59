-- Agent runs a destructive command
SELECT
  *
FROM tachograph_events
WHERE
  (
    kind = 'command' OR kind = 'process.exec' OR kind = 'tool.call'
  )
  AND (
    (
      command ILIKE '%rm -rf /%' ESCAPE '\'
      OR command ILIKE '%rm -rf ~%' ESCAPE '\'
      OR command ILIKE '%rm -rf $HOME%' ESCAPE '\'
      OR command ILIKE '%rm -rf --no-preserve-root%' ESCAPE '\'
      OR command ILIKE '%git push --force%' ESCAPE '\'
      OR command ILIKE '%git push -f %' ESCAPE '\'
      OR command ILIKE '%git reset --hard origin%' ESCAPE '\'
      OR command ILIKE '%terraform destroy%' ESCAPE '\'
      OR command ILIKE '%kubectl delete namespace%' ESCAPE '\'
      OR command ILIKE '%kubectl delete ns %' ESCAPE '\'
      OR command ILIKE '%DROP DATABASE%' ESCAPE '\'
      OR command ILIKE '%DROP TABLE%' ESCAPE '\'
      OR command ILIKE '%TRUNCATE TABLE%' ESCAPE '\'
      OR command ILIKE '%mkfs.%' ESCAPE '\'
      OR command ILIKE '%of=/dev/sd%' ESCAPE '\'
      OR command ILIKE '%of=/dev/nvme%' ESCAPE '\'
      OR command ILIKE '%aws s3 rb %' ESCAPE '\'
      OR command ILIKE '%gcloud projects delete%' ESCAPE '\'
    )
    AND (
      NOT COALESCE((
        command ILIKE '%rm -rf /tmp/%' ESCAPE '\'
      ), 0)
    )
  );

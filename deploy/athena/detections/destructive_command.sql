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
      LOWER(command) LIKE LOWER('%rm -rf /%') ESCAPE '\'
      OR LOWER(command) LIKE LOWER('%rm -rf ~%') ESCAPE '\'
      OR LOWER(command) LIKE LOWER('%rm -rf $HOME%') ESCAPE '\'
      OR LOWER(command) LIKE LOWER('%rm -rf --no-preserve-root%') ESCAPE '\'
      OR LOWER(command) LIKE LOWER('%git push --force%') ESCAPE '\'
      OR LOWER(command) LIKE LOWER('%git push -f %') ESCAPE '\'
      OR LOWER(command) LIKE LOWER('%git reset --hard origin%') ESCAPE '\'
      OR LOWER(command) LIKE LOWER('%terraform destroy%') ESCAPE '\'
      OR LOWER(command) LIKE LOWER('%kubectl delete namespace%') ESCAPE '\'
      OR LOWER(command) LIKE LOWER('%kubectl delete ns %') ESCAPE '\'
      OR LOWER(command) LIKE LOWER('%DROP DATABASE%') ESCAPE '\'
      OR LOWER(command) LIKE LOWER('%DROP TABLE%') ESCAPE '\'
      OR LOWER(command) LIKE LOWER('%TRUNCATE TABLE%') ESCAPE '\'
      OR LOWER(command) LIKE LOWER('%mkfs.%') ESCAPE '\'
      OR LOWER(command) LIKE LOWER('%of=/dev/sd%') ESCAPE '\'
      OR LOWER(command) LIKE LOWER('%of=/dev/nvme%') ESCAPE '\'
      OR LOWER(command) LIKE LOWER('%aws s3 rb %') ESCAPE '\'
      OR LOWER(command) LIKE LOWER('%gcloud projects delete%') ESCAPE '\'
    )
    AND (
      NOT COALESCE((
        LOWER(command) LIKE LOWER('%rm -rf /tmp/%') ESCAPE '\'
      ), 0)
    )
  );

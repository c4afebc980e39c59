-- Agent sends a file of secrets by HTTP
SELECT
  *
FROM tachograph_events
WHERE
  (
    kind = 'command' OR kind = 'process.exec' OR kind = 'tool.call'
  )
  AND (
    (
      LOWER(command) LIKE LOWER('%curl %') ESCAPE '\'
      OR LOWER(command) LIKE LOWER('%wget %') ESCAPE '\'
      OR LOWER(command) LIKE LOWER('%http POST %') ESCAPE '\'
      OR LOWER(command) LIKE LOWER('%httpie %') ESCAPE '\'
    )
    AND (
      LOWER(command) LIKE LOWER('% -d @%') ESCAPE '\'
      OR LOWER(command) LIKE LOWER('% -d@%') ESCAPE '\'
      OR LOWER(command) LIKE LOWER('% --data @%') ESCAPE '\'
      OR LOWER(command) LIKE LOWER('% --data-binary @%') ESCAPE '\'
      OR LOWER(command) LIKE LOWER('% --data-raw @%') ESCAPE '\'
      OR LOWER(command) LIKE LOWER('%=@%') ESCAPE '\'
      OR LOWER(command) LIKE LOWER('% -T %') ESCAPE '\'
      OR LOWER(command) LIKE LOWER('% --upload-file %') ESCAPE '\'
      OR LOWER(command) LIKE LOWER('% --post-file%') ESCAPE '\'
      OR LOWER(command) LIKE LOWER('% --body-file%') ESCAPE '\'
    )
    AND (
      LOWER(command) LIKE LOWER('%.env%') ESCAPE '\'
      OR LOWER(command) LIKE LOWER('%/.ssh/%') ESCAPE '\'
      OR LOWER(command) LIKE LOWER('%id\_rsa%') ESCAPE '\'
      OR LOWER(command) LIKE LOWER('%id\_ed25519%') ESCAPE '\'
      OR LOWER(command) LIKE LOWER('%.aws/credentials%') ESCAPE '\'
      OR LOWER(command) LIKE LOWER('%.kube/config%') ESCAPE '\'
      OR LOWER(command) LIKE LOWER('%.netrc%') ESCAPE '\'
      OR LOWER(command) LIKE LOWER('%.npmrc%') ESCAPE '\'
      OR LOWER(command) LIKE LOWER('%.git-credentials%') ESCAPE '\'
      OR LOWER(command) LIKE LOWER('%application\_default\_credentials%') ESCAPE '\'
    )
  );

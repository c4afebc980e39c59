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
      command ILIKE '%curl %' ESCAPE '\'
      OR command ILIKE '%wget %' ESCAPE '\'
      OR command ILIKE '%http POST %' ESCAPE '\'
      OR command ILIKE '%httpie %' ESCAPE '\'
    )
    AND (
      command ILIKE '% -d @%' ESCAPE '\'
      OR command ILIKE '% -d@%' ESCAPE '\'
      OR command ILIKE '% --data @%' ESCAPE '\'
      OR command ILIKE '% --data-binary @%' ESCAPE '\'
      OR command ILIKE '% --data-raw @%' ESCAPE '\'
      OR command ILIKE '%=@%' ESCAPE '\'
      OR command ILIKE '% -T %' ESCAPE '\'
      OR command ILIKE '% --upload-file %' ESCAPE '\'
      OR command ILIKE '% --post-file%' ESCAPE '\'
      OR command ILIKE '% --body-file%' ESCAPE '\'
    )
    AND (
      command ILIKE '%.env%' ESCAPE '\'
      OR command ILIKE '%/.ssh/%' ESCAPE '\'
      OR command ILIKE '%id\_rsa%' ESCAPE '\'
      OR command ILIKE '%id\_ed25519%' ESCAPE '\'
      OR command ILIKE '%.aws/credentials%' ESCAPE '\'
      OR command ILIKE '%.kube/config%' ESCAPE '\'
      OR command ILIKE '%.netrc%' ESCAPE '\'
      OR command ILIKE '%.npmrc%' ESCAPE '\'
      OR command ILIKE '%.git-credentials%' ESCAPE '\'
      OR command ILIKE '%application\_default\_credentials%' ESCAPE '\'
    )
  );

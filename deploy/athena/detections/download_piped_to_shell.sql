-- Agent pipes a download into a shell
SELECT
  *
FROM tachograph_events
WHERE
  (
    kind = 'command' OR kind = 'process.exec' OR kind = 'tool.call'
  )
  AND REGEXP_LIKE(
    command,
    '.*(curl|wget)[ ][^|]*[|][ ]*(sudo[ ]+)?(/bin/|/usr/bin/)?(ba|z|da|k)?sh([ ].*)?'
  );

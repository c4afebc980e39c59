-- Agent posts to a paste or file drop site
SELECT
  *
FROM tachograph_events
WHERE
  kind = 'egress.http'
  AND (
    (
      method = 'POST' OR method = 'PUT'
    )
    AND (
      LOWER(host) LIKE LOWER('%pastebin.com') ESCAPE '\'
      OR LOWER(host) LIKE LOWER('%paste.ee') ESCAPE '\'
      OR LOWER(host) LIKE LOWER('%hastebin.com') ESCAPE '\'
      OR LOWER(host) LIKE LOWER('%dpaste.com') ESCAPE '\'
      OR LOWER(host) LIKE LOWER('%dpaste.org') ESCAPE '\'
      OR LOWER(host) LIKE LOWER('%ix.io') ESCAPE '\'
      OR LOWER(host) LIKE LOWER('%termbin.com') ESCAPE '\'
      OR LOWER(host) LIKE LOWER('%transfer.sh') ESCAPE '\'
      OR LOWER(host) LIKE LOWER('%0x0.st') ESCAPE '\'
      OR LOWER(host) LIKE LOWER('%file.io') ESCAPE '\'
      OR LOWER(host) LIKE LOWER('%gofile.io') ESCAPE '\'
      OR LOWER(host) LIKE LOWER('%catbox.moe') ESCAPE '\'
      OR LOWER(host) LIKE LOWER('%webhook.site') ESCAPE '\'
      OR LOWER(host) LIKE LOWER('%requestbin.com') ESCAPE '\'
      OR LOWER(host) LIKE LOWER('%pipedream.net') ESCAPE '\'
      OR LOWER(host) LIKE LOWER('%ngrok.io') ESCAPE '\'
      OR LOWER(host) LIKE LOWER('%ngrok-free.app') ESCAPE '\'
    )
  );

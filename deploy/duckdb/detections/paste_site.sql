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
      host ILIKE '%pastebin.com' ESCAPE '\'
      OR host ILIKE '%paste.ee' ESCAPE '\'
      OR host ILIKE '%hastebin.com' ESCAPE '\'
      OR host ILIKE '%dpaste.com' ESCAPE '\'
      OR host ILIKE '%dpaste.org' ESCAPE '\'
      OR host ILIKE '%ix.io' ESCAPE '\'
      OR host ILIKE '%termbin.com' ESCAPE '\'
      OR host ILIKE '%transfer.sh' ESCAPE '\'
      OR host ILIKE '%0x0.st' ESCAPE '\'
      OR host ILIKE '%file.io' ESCAPE '\'
      OR host ILIKE '%gofile.io' ESCAPE '\'
      OR host ILIKE '%catbox.moe' ESCAPE '\'
      OR host ILIKE '%webhook.site' ESCAPE '\'
      OR host ILIKE '%requestbin.com' ESCAPE '\'
      OR host ILIKE '%pipedream.net' ESCAPE '\'
      OR host ILIKE '%ngrok.io' ESCAPE '\'
      OR host ILIKE '%ngrok-free.app' ESCAPE '\'
    )
  );

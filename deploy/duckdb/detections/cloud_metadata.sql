-- Agent asks for the cloud's metadata address
SELECT
  *
FROM tachograph_events
WHERE
  kind = 'egress.http'
  AND (
    host = '169.254.169.254'
    OR host = '169.254.170.2'
    OR host = 'fd00:ec2::254'
    OR host = '100.100.100.200'
    OR host = '168.63.129.16'
    OR host = 'metadata.google.internal'
    OR host = 'metadata.azure.internal'
  );

-- Is every event there, and once? `first` is 0 if nothing before it is missing.
SELECT
  tachograph.stream AS stream,
  MIN(tachograph.export_seq) AS first,
  MAX(tachograph.export_seq) AS last,
  COUNT(*) AS records,
  MAX(tachograph.export_seq) - MIN(tachograph.export_seq) + 1 - COUNT(DISTINCT tachograph.export_seq) AS lost,
  COUNT(*) - COUNT(DISTINCT tachograph.export_seq) AS doubled
FROM tachograph_events
GROUP BY
  1
ORDER BY
  1;

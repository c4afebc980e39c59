-- Is every event there, and once? `first` is 0 if nothing before it is missing.
SELECT tachograph.stream AS stream,
       min(tachograph.export_seq) AS first,
       max(tachograph.export_seq) AS last,
       count(*) AS records,
       max(tachograph.export_seq) - min(tachograph.export_seq) + 1 - count(DISTINCT tachograph.export_seq) AS lost,
       count(*) - count(DISTINCT tachograph.export_seq) AS doubled
FROM tachograph_events
GROUP BY 1
ORDER BY 1;

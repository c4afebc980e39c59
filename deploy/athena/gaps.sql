-- Is every record there, and once? Over the table that tachograph-parquet.sql or tachograph-ndjson.sql makes.
-- `first` is 0 if nothing before it is missing; `lost` and `doubled` are 0 if everything arrived once.
SELECT tachograph.stream AS stream,
       min(tachograph.export_seq) AS first,
       max(tachograph.export_seq) AS last,
       count(*) AS records,
       max(tachograph.export_seq) - min(tachograph.export_seq) + 1 - count(DISTINCT tachograph.export_seq) AS lost,
       count(*) - count(DISTINCT tachograph.export_seq) AS doubled
FROM tachograph_events
WHERE "$path" NOT LIKE '%/test-%'
GROUP BY 1
ORDER BY 1;

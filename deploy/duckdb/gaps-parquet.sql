-- Is every record there, and once? Over the objects of a sink `file`, `s3`, `gcs` or `azure_blob` with `format = "parquet"`.
-- Put your own place in: a folder, or s3://bucket/prefix, gs://bucket/prefix, az://container/prefix.
-- `first` is 0 if nothing before it is missing; `lost` and `doubled` are 0 if everything arrived once.
SELECT tachograph.stream AS stream,
       min(tachograph.export_seq) AS first,
       max(tachograph.export_seq) AS last,
       count(*) AS records,
       max(tachograph.export_seq) - min(tachograph.export_seq) + 1 - count(DISTINCT tachograph.export_seq) AS lost,
       count(*) - count(DISTINCT tachograph.export_seq) AS doubled
FROM read_parquet('/var/spool/tachograph/**/part-*.parquet', union_by_name = true)
GROUP BY 1
ORDER BY 1;

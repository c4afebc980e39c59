-- Is every record there, and once? Over the objects of a sink `security_lake`, all of its custom sources together: put the lake's bucket in the place of
-- the folder, s3://aws-security-data-lake-… . `first` is 0 if nothing before it is missing; `lost` and `doubled` are 0 if everything arrived once.
SELECT metadata.log_name AS stream,
       min(metadata.sequence) AS first,
       max(metadata.sequence) AS last,
       count(*) AS records,
       max(metadata.sequence) - min(metadata.sequence) + 1 - count(DISTINCT metadata.sequence) AS lost,
       count(*) - count(DISTINCT metadata.sequence) AS doubled
FROM read_parquet('/var/spool/tachograph/ext/*/region=*/accountId=*/eventDay=*/*-part-*.parquet', union_by_name = true)
GROUP BY 1
ORDER BY 1;

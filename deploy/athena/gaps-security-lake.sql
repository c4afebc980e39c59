-- Is every record there, and once? Over the tables of all custom sources of a sink `security_lake`: name yours as the lake's database has them.
-- `first` is 0 if nothing before it is missing; `lost` and `doubled` are 0 if everything arrived once.
WITH records AS (
  SELECT metadata.log_name AS stream, metadata.sequence AS sequence FROM amazon_security_lake_table_eu_central_1_ext_tachograph_1001
  UNION ALL SELECT metadata.log_name, metadata.sequence FROM amazon_security_lake_table_eu_central_1_ext_tachograph_1007
  UNION ALL SELECT metadata.log_name, metadata.sequence FROM amazon_security_lake_table_eu_central_1_ext_tachograph_2004
  UNION ALL SELECT metadata.log_name, metadata.sequence FROM amazon_security_lake_table_eu_central_1_ext_tachograph_4002
  UNION ALL SELECT metadata.log_name, metadata.sequence FROM amazon_security_lake_table_eu_central_1_ext_tachograph_6002
  UNION ALL SELECT metadata.log_name, metadata.sequence FROM amazon_security_lake_table_eu_central_1_ext_tachograph_6003
)
SELECT stream,
       min(sequence) AS first,
       max(sequence) AS last,
       count(*) AS records,
       max(sequence) - min(sequence) + 1 - count(DISTINCT sequence) AS lost,
       count(*) - count(DISTINCT sequence) AS doubled
FROM records
GROUP BY 1
ORDER BY 1;

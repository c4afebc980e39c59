-- Alerts and administration that a sink `s3` with `format = "parquet"` and `schema = "plain"` created, beside the events of tachograph-parquet.sql. `record` is
-- JSON as text.
CREATE EXTERNAL TABLE tachograph_operations (
  position string,
  recorded timestamp,
  kind string,
  subject string,
  actor string,
  revision bigint,
  record string,
  tachograph struct<stream: string, seq: bigint, export_seq: bigint>,
  unmapped string
)
PARTITIONED BY (day string)
STORED AS PARQUET
LOCATION 's3://acme-agents/tachograph/operations/0/'
TBLPROPERTIES (
  'projection.enabled' = 'true',
  'projection.day.type' = 'date',
  'projection.day.format' = 'yyyy/MM/dd',
  'projection.day.range' = '2025/01/01,NOW',
  'storage.location.template' = 's3://acme-agents/tachograph/operations/0/${day}/'
);
